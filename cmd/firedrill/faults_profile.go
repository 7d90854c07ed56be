package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// profileVariable names the profile that commands use where no place is given.
const profileVariable = "FIREDRILL_PROFILE"

// profileName keeps names easy to type and to complete.
var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// profiles are places saved under a name, for one user on one machine. They hold no secrets.
type profiles struct {
	Version  int                   `json:"version"`
	Profiles map[string]faultPlace `json:"profiles"`
}

func profilesFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &failure{code: exitError, err: fmt.Errorf("find the folder for settings: %w", err)}
	}
	return filepath.Join(dir, "firedrill", "profiles.json"), nil
}

// loadProfiles reads the saved places. Whatever is not understood is an error: a place that is not the one that was
// meant would be changed.
func loadProfiles() (profiles, error) {
	saved := profiles{Version: 1, Profiles: map[string]faultPlace{}}
	path, err := profilesFile()
	if err != nil {
		return saved, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return saved, nil
	}
	if err != nil {
		return saved, usage("", "saved profiles: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(&saved); err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the JSON object")
		}
	}
	if err == nil && saved.Version != 1 {
		err = fmt.Errorf("it has version %d, this firedrill knows 1", saved.Version)
	}
	if err != nil {
		return saved, usage("mend or remove the file", "saved profiles: %s: %w", path, err)
	}
	if saved.Profiles == nil {
		saved.Profiles = map[string]faultPlace{}
	}
	for name, p := range saved.Profiles {
		if err := p.check(); err != nil {
			return saved, usage("mend or remove it", "saved profiles: %s: %s: %w", path, name, err)
		}
	}
	return saved, nil
}

func (p profiles) save() error {
	path, err := profilesFile()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = replaceFile(path, append(text, '\n'))
	}
	if err != nil {
		return &failure{code: exitError, err: fmt.Errorf("save profiles: %w", err)}
	}
	return nil
}

// find is a saved place by its name.
func (p profiles) find(name string) (faultPlace, error) {
	place, ok := p.Profiles[name]
	if !ok {
		return place, usage("firedrill faults profile list, or add it: firedrill faults profile add "+quoted(name)+" --lambda NAME", "there is no saved profile %q", name)
	}
	return place, nil
}

func completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	saved, err := loadProfiles()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var offers []string
	for _, name := range slices.Sorted(maps.Keys(saved.Profiles)) {
		place := saved.Profiles[name]
		offers = append(offers, name+"\t"+place.flags())
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) faultsProfileCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "Save places of fault sets under names, for --target",
		Long: `Save where a fault set is under a name of yours, on this machine. --target NAME then stands for it, and
` + profileVariable + `=NAME where no place is given.

It is not a profile of AWS credentials (that is AWS_PROFILE), nor one of AppConfig.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.profileAddCommand(), a.profileListCommand(), a.profileRemoveCommand())
	return cmd
}

func (a *app) profileAddCommand() *cobra.Command {
	var p faultPlace
	cmd := &cobra.Command{
		Use:               "add NAME",
		Short:             "Save a place; one of the same name is replaced",
		Example:           "  firedrill faults profile add shop --lambda inventory --region eu-west-1",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			if !profileName.MatchString(args[0]) {
				return usage("letters, digits, '.', '_' and '-', 64 at most", "%q is not a name for a profile", args[0])
			}
			if err := p.check(); err != nil {
				return err
			}
			if p.File != "" { // it is used from other folders
				abs, err := filepath.Abs(p.File)
				if err != nil {
					return &failure{code: exitError, err: err}
				}
				p.File = abs
			}
			saved, err := loadProfiles()
			if err != nil {
				return err
			}
			saved.Profiles[args[0]] = p
			if err := saved.save(); err != nil {
				return err
			}
			return a.printProfiles(map[string]faultPlace{args[0]: p})
		},
	}
	p.register(cmd)
	return cmd
}

func (a *app) profileListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the saved places",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			saved, err := loadProfiles()
			if err != nil {
				return err
			}
			return a.printProfiles(saved.Profiles)
		},
	}
}

func (a *app) profileRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "remove NAME",
		Short:             "Forget a saved place; the fault set there stays as it is",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeProfiles,
		RunE: func(_ *cobra.Command, args []string) error {
			saved, err := loadProfiles()
			if err != nil {
				return err
			}
			if _, err := saved.find(args[0]); err != nil {
				return err
			}
			delete(saved.Profiles, args[0])
			return saved.save()
		},
	}
}

func (a *app) printProfiles(list map[string]faultPlace) error {
	if a.output == "json" {
		return a.printJSON(list)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		place := list[name]
		fmt.Fprintf(w, "%s\t%s\n", name, place.flags())
	}
	return w.Flush()
}
