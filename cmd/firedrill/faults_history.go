package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action"
)

// A waysBack keeps, for each place, the way back from the last change by hand. The way is written before the change, as
// the next one; it becomes the last one once the change is made.
type waysBack struct{ dir string }

// A way leads back from a change.
type way struct {
	Place  string         `json:"place"`
	At     time.Time      `json:"at"`
	Before action.Content `json:"before"`
	After  action.Content `json:"after"`
}

func (a *app) history() waysBack { return waysBack{filepath.Join(a.localFolder(), "faults")} }

// file names the last way of a place; next the one of a change that is being made.
func (h waysBack) file(key string) (last, next string) {
	sum := sha256.Sum256([]byte(key))
	last = filepath.Join(h.dir, hex.EncodeToString(sum[:8])+".json")
	return last, last + ".next"
}

// keep notes the way back before the change is made. Nobody else may read it; the text of a secret place is not in it,
// but in the history of that place.
func (h waysBack) keep(key string, w way) error {
	w.Place = key
	_, next := h.file(key)
	data, err := json.Marshal(w)
	if err == nil {
		err = os.MkdirAll(h.dir, 0o700)
	}
	if err == nil {
		err = replaceFile(next, data)
	}
	if err != nil {
		return fmt.Errorf("keep the way back: %w", err)
	}
	return nil
}

// made says that the change is made.
func (h waysBack) made(key string) error {
	last, next := h.file(key)
	if err := os.Rename(next, last); err != nil {
		return fmt.Errorf("keep the way back: %w", err)
	}
	return nil
}

// lastOf is the way back from the last change of a place, which holds now. One that was being made counts if it got there.
func (h waysBack) lastOf(key string, now action.Content) (w way, err error) {
	last, next := h.file(key)
	if w, err = readWay(next); err == nil && now.Same(w.After) {
		return w, nil
	}
	w, err = readWay(last)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return w, usage("it is kept in the folder that --state names, by whoever makes the change", "no change by hand of %s is known here", key)
	case err != nil:
		return w, &failure{code: exitError, err: fmt.Errorf("the last change of %s: %w", key, err)}
	}
	return w, nil
}

func readWay(path string) (w way, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &w)
	}
	return w, err
}

// replaceFile writes a private file whole or not at all.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func (a *app) faultsRestoreCommand() *cobra.Command {
	var p faultPlace
	var yes bool
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Put back what was there before the last change by hand",
		Long: `Put back, byte for byte, what a fault set was before the last "enable", "disable" or "restore" from this folder.
Where somebody else has changed it since, it stays as it is.`,
		Example: "  firedrill faults restore --lambda inventory",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, now, err := a.look(cmd.Context(), &p)
			if err != nil {
				return err
			}
			w, err := a.history().lastOf(e.Key(), now)
			if err != nil {
				return err
			}
			before, err := e.Recall(cmd.Context(), w.Before)
			if err != nil {
				return faultsError(err)
			}
			back := func(now action.Content) (action.Content, []string, error) {
				if !now.Same(w.After) && !now.Same(w.Before) {
					return now, nil, &action.Refused{Reason: "it was changed by somebody else since " + w.At.Local().Format(time.DateTime), Tip: "change it yourself: firedrill faults status " + p.flags()}
				}
				return before, nil, nil
			}
			return a.edit(cmd.Context(), &p, yes, back, func() string {
				return "as it was before " + w.At.Local().Format(time.DateTime)
			})
		},
	}
	p.registerAll(cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}
