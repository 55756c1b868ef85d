"""`python -m tests.bench`: the libraries below numpy read how many threads to use when they are loaded."""

import os
import sys

if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[variable] = "1"
    from tests.bench.bench import main

    sys.exit(main(sys.argv[1:]))
