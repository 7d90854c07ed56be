// Package wire is the little HTTP/1.1 that the layer's proxy needs: read a head, refuse what two readers could
// understand differently, write the head on without its hop-by-hop fields, and move the body without looking
// into it. It exists because net/http would double the proxy's size and start time and would add three times
// the delay of a bare relay to each event.
//
// Words:
//
//   - head: the start line and the fields, up to and including the empty line.
//   - framing: how the end of a body is known (none, length, chunked, until the connection closes).
//   - raw copy: a body forwarded byte for byte, chunk sizes, extensions and trailers included.
//
// Invariants: every length that a peer names is bounded before anything is allocated for it; a malformed
// message is an error and never a guess; nothing here starts a goroutine or keeps state between messages.
// Source of the rules: RFC 9110 and RFC 9112. Stricter than those in one point: lines end in CR LF, never in a
// lone LF, because proxies that disagree on it can be smuggled through.
//
// It is a package of its own so that the proxy's binary does not link net/http, which the server half of
// runtimeapi is made of. Standard library only.
package wire
