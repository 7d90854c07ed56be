//go:build !windows

package engine

import "os"

// syncDir makes the names in a folder as durable as the files' contents.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
