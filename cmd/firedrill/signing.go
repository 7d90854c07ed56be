package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/envelope"
)

// variableSigningKey names the file that --signing-key does.
const variableSigningKey = "FIREDRILL_SIGNING_KEY_FILE"

// signing are the flags that say how fault sets are signed.
type signing struct {
	keyFile  string
	audience []string
}

func (s *signing) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.keyFile, "signing-key", "", "private key (PEM) for functions that take only signed fault sets (default $"+variableSigningKey+")")
	flags.StringSliceVar(&s.audience, "audience", nil, "with --signing-key: the functions that read a target that is a file (repeatable)")
	_ = cmd.MarkFlagFilename("signing-key", "pem", "key")
}

// signer reads the private key that a flag or the environment names; nil if neither does. What is wrong with it is
// said without repeating anything of it.
func (a *app) signer(file string) (*envelope.Signer, error) {
	if file == "" {
		file = a.getenv(variableSigningKey)
	}
	if file == "" {
		return nil, nil
	}
	const hint = "firedrill faults keygen FILE makes one; openssl genpkey -algorithm ed25519 does, too"
	data, err := readFile(file)
	if err != nil {
		return nil, usage(hint, "signing key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, usage(hint, "signing key %s holds no block of the type PRIVATE KEY (PEM)", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, usage(hint, "signing key %s is not a private key in PKCS #8", file)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, usage(hint, "signing key %s is %s, not of Ed25519", file, algorithm(parsed))
	}
	return envelope.NewSigner(private), nil
}

// algorithm names a key by its type, and nothing else of it.
func algorithm(key any) string { return fmt.Sprintf("a %T", key) }
