"""``python -m meta`` and the command ``nen-meta``."""

from meta.cli.app import main

if __name__ == "__main__":
    main()
