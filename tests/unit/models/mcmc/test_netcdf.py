"""Draws as netCDF: what is written is read."""

from __future__ import annotations

import os

import numpy as np
import pytest

from meta.errors import StoreError
from meta.records.storing import outputs, store


def test_draws_come_back_whole(few, tmp_path):
    content = store.to_netcdf(few.idata)
    assert isinstance(content, bytes)
    place = outputs.Outputs(tmp_path)
    place.write("runs/draws.nc", "digest", content)
    assert place.is_current("runs/draws.nc", "digest")
    back = store.from_netcdf((tmp_path / "runs/draws.nc").read_bytes())
    assert set(back.groups()) == {"posterior", "sample_stats", "observed_data", "constant_data"}
    for group in back.groups():
        before, after = few.idata[group], back[group]
        assert set(before.data_vars) == set(after.data_vars)
        for name, values in before.data_vars.items():
            assert values.dims == after[name].dims
            np.testing.assert_array_equal(values.to_numpy(), after[name].to_numpy())
    assert back.posterior["trial"].to_numpy().tolist() == ["none", "one", "Jia 2022", "all"]


def test_what_was_read_no_longer_needs_a_file(few):
    back = store.from_netcdf(store.to_netcdf(few.idata))
    assert back.posterior["theta"].to_numpy().shape == few.theta.shape
    descriptors = "/proc/self/fd"
    if os.path.isdir(descriptors):
        links = [os.path.join(descriptors, name) for name in os.listdir(descriptors)]
        assert not [link for link in links if os.path.islink(link) and "draws.nc" in os.readlink(link)]


@pytest.mark.parametrize("content", [b"", b"not netCDF", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_other_bytes_are_refused_by_name(content):
    with pytest.raises(StoreError, match=r"runs/x\.nc: not read"):
        store.from_netcdf(content, "runs/x.nc")
