package kinds

import "errors"

// The faults that these limits belong to do not fire on Windows, so that there is nothing to limit either.

var noRoom = errors.New("there is not enough space on the disk")

func usedRoom() (int64, error) { return 0, nil }

func limitDescriptors(uint64) error { return nil }

func peakMemory() (int64, bool) { return 0, false }
