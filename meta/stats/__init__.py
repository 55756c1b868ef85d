"""Arrays in, arrays out: numpy and scipy only; the last axis is the trial, the leading axes are anything."""
