package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// defaultSigned is how long a fault set counts that was signed by hand.
const defaultSigned = 10 * time.Minute

// faultsSignCommands are about signed fault sets.
func (a *app) faultsSignCommands() []*cobra.Command {
	return []*cobra.Command{a.faultsKeygenCommand(), a.faultsSignCommand(), a.faultsVerifyCommand()}
}

func (a *app) faultsKeygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make a key that signs fault sets",
		Long: `Make an Ed25519 key: the private one goes to FILE (PEM, readable by you alone), which must not exist; the public
one is printed, for FIREDRILL_PUBLIC_KEY in the environment of the functions that it may arm.`,
		Example: "  firedrill faults keygen signing.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			_, private, err := ed25519.GenerateKey(nil)
			if err != nil {
				return &failure{code: exitError, err: fmt.Errorf("make a key: %w", err)}
			}
			if err := writeKey(args[0], private); err != nil {
				return err
			}
			key := envelope.NewSigner(private).Key()
			if a.output == "json" {
				return a.printJSON(map[string]string{"file": args[0], "id": key.ID(), "public_key": key.String()})
			}
			fmt.Fprintln(a.stdout, key)
			if !a.quiet {
				fmt.Fprintf(a.stderr, "firedrill: %s holds the private key %s; above is the public one, for %s\n", args[0], key.ID(), source.PublicKey)
			}
			return nil
		},
	}
}

// writeKey writes a private key where no file is.
func writeKey(path string, private ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return &failure{code: exitError, err: fmt.Errorf("make a key: %w", err)}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usage("a key is never overwritten: name a file that does not exist, in a folder that does", "%w", err)
	}
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), f.Sync(), f.Close()); err != nil {
		return &failure{code: exitError, err: fmt.Errorf("write %s: %w", path, err)}
	}
	return nil
}

func (a *app) faultsSignCommand() *cobra.Command {
	var key string
	var audience []string
	var lease time.Duration
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "Sign a fault set for some functions, for a while",
		Long: `Print the fault set in FILE in a signed envelope. The audience and the end of the lease, which every signed fault
set must have, are written into its member "firedrill" first.

Whoever can write to the place of a fault set can use the envelope until its lease ends, so keep --for short.
"firedrill run --signing-key" signs by itself, for some seconds at a time.`,
		Example: "  firedrill faults sign faults.json --key signing.pem --audience inventory --for 10m > signed.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			signer, err := a.signer(key)
			if err != nil {
				return err
			}
			if signer == nil {
				return usage("firedrill faults keygen FILE makes one", "which key? --key FILE, or %s", variableSigningKey)
			}
			if lease < time.Second || lease > source.MaxLease {
				return usage("functions take no signed fault set that is in force for longer", "--for %s is not between 1s and %s", lease, source.MaxLease)
			}
			data, err := readFile(args[0])
			if err != nil {
				return err
			}
			payload, warnings, err := addressed(data, audience, time.Now().Add(lease))
			if err != nil {
				return usage("", "%s: %w", args[0], err)
			}
			for _, w := range warnings {
				fmt.Fprintf(a.stderr, "firedrill: warning: %s: %s\n", args[0], printable(w.String()))
			}
			doc, err := signer.Seal(payload)
			if err != nil {
				return &failure{code: exitError, err: err}
			}
			_, err = a.stdout.Write(doc)
			return err
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "private key, PEM (default $"+variableSigningKey+")")
	cmd.Flags().StringSliceVar(&audience, "audience", nil, "function that may take it, by name or ARN, * for any end (repeatable)")
	cmd.Flags().DurationVar(&lease, "for", defaultSigned, "how long it is in force")
	_ = cmd.MarkFlagRequired("audience")
	_ = cmd.MarkFlagFilename("key", "pem", "key")
	return cmd
}

// addressed is a fault set that says for whom it is, and until when. A set with a mistake is not signed.
func addressed(data []byte, audience []string, expires time.Time) (payload []byte, warnings []fault.Problem, err error) {
	if envelope.Is(data) {
		return nil, nil, errors.New("is in an envelope already (firedrill faults verify shows what is in it)")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, nil, errors.New("is not a fault set, which is a JSON object")
	}
	var drill map[string]json.RawMessage // a seed's digits stay as they are
	if raw, ok := members["firedrill"]; ok && json.Unmarshal(raw, &drill) != nil {
		return nil, nil, errors.New("its member firedrill is not an object")
	}
	names, err := json.Marshal(audience)
	if err != nil {
		return nil, nil, err
	}
	own := map[string]json.RawMessage{}
	maps.Copy(own, drill)
	own["audience"], own["expires_at"] = names, json.RawMessage(expires.UTC().Format(`"`+time.RFC3339+`"`))
	if members["firedrill"], err = json.Marshal(own); err != nil {
		return nil, nil, err
	}
	if payload, err = json.Marshal(members); err != nil {
		return nil, nil, err
	}
	_, problems := fault.Parse(payload)
	var errs []error
	for _, p := range problems {
		if p.Warning {
			warnings = append(warnings, p)
		} else {
			errs = append(errs, errors.New(p.String()))
		}
	}
	return payload, warnings, errors.Join(errs...)
}

// A verified envelope, for programs.
type verified struct {
	Key      string          `json:"key"`
	Audience []string        `json:"audience"`
	Expires  time.Time       `json:"expires_at"`
	FaultSet json.RawMessage `json:"fault_set"`
}

func (a *app) faultsVerifyCommand() *cobra.Command {
	var keys, function string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a signed fault set as a function would",
		Long: `Check the signature, the lease and, with --function, the audience of the envelope in FILE as a function would, and
print the fault set that is in it. Exit code 1 if the function would not take it, or if nothing in it is on.`,
		Example: `  firedrill faults verify signed.json --public-key "$FIREDRILL_PUBLIC_KEY" --function inventory`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if keys == "" {
				keys = a.getenv(source.PublicKey)
			}
			if keys == "" {
				return usage("as the function has it", "which public key? --public-key KEY, or %s", source.PublicKey)
			}
			data, err := readFile(args[0])
			if err != nil {
				return err
			}
			v, err := verify(data, keys, function)
			if err != nil {
				return &failure{code: exitError, err: fmt.Errorf("%s: %w", args[0], err)}
			}
			if a.output == "json" {
				return a.printJSON(v)
			}
			if !a.quiet {
				fmt.Fprintf(a.stderr, "firedrill: signed by %s for %s until %s\n", v.Key, strings.Join(v.Audience, ", "), v.Expires.UTC().Format(time.RFC3339))
			}
			_, err = fmt.Fprintf(a.stdout, "%s\n", v.FaultSet)
			return err
		},
	}
	cmd.Flags().StringVar(&keys, "public-key", "", "public keys that the function trusts (default $"+source.PublicKey+")")
	cmd.Flags().StringVar(&function, "function", "", "the function's name or ARN (default: any that the audience names)")
	return cmd
}

// verify asks a function's own gate. The envelope names the function where the caller does not.
func verify(data []byte, keys, function string) (v verified, err error) {
	e, err := envelope.Parse(data)
	if err != nil {
		return v, err
	}
	trusted, err := envelope.ParseKeys(keys)
	if err != nil {
		return v, fmt.Errorf("the public key: %w", err)
	}
	key, err := e.SignedBy(trusted...)
	if err != nil {
		return v, err
	}
	set, _ := fault.Parse(e.Payload) // the gate tells of problems
	v = verified{Key: key.ID(), Audience: orEmpty(set.Audience()), Expires: set.Expires(), FaultSet: e.Payload}
	if function == "" && len(v.Audience) > 0 {
		function = v.Audience[0]
	}
	env := map[string]string{source.PublicKey: keys, source.FunctionARN: function}
	gate, problem := source.NewGate(func(name string) string { return env[name] })
	if problem != nil {
		return v, errors.New(problem.String())
	}
	admitted, problems := gate.Admit(data, time.Now())
	if admitted != nil {
		return v, nil
	}
	var errs []error
	for _, p := range problems {
		errs = append(errs, errors.New(p.String()))
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("is signed, but nothing in it is on"))
	}
	return v, errors.Join(errs...)
}
