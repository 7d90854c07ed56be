// Package envelope signs fault sets, so that whoever can write to the place where one is kept cannot arm a function
// by that alone. An envelope is a JSON document in the format of DSSE, version 1
// (https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md and envelope.md there), with Ed25519
// signatures (RFC 8032).
//
// Words:
//
//   - payload: the fault set, as bytes. What is verified is what is read; it is never encoded anew.
//   - key id: the first 16 hexadecimal digits of the SHA-256 of a public key's 32 bytes. It helps people find a key;
//     no decision rests on it.
//
// The package knows formats and signatures. Which keys are trusted, which functions an envelope is for and how long
// it counts is the business of packages source and action.
package envelope
