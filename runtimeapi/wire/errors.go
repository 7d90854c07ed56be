package wire

import "fmt"

// A MalformedError says why a message was refused. Its text is safe to show to the peer.
type MalformedError struct {
	Status int    // the HTTP status that fits: 400, 413, 431, 501 or 505
	Reason string // what was wrong, in a few words
}

// Error gives the reason.
func (e *MalformedError) Error() string { return fmt.Sprintf("malformed message: %s", e.Reason) }

func bad(reason string) error { return &MalformedError{Status: 400, Reason: reason} }

func tooLarge(reason string) error { return &MalformedError{Status: 431, Reason: reason} }

func unsupported(reason string) error { return &MalformedError{Status: 501, Reason: reason} }
