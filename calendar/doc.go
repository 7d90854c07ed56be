// Package calendar answers one question: may a run that begins now, and takes so long, go ahead? Windows say when
// runs are allowed, dates and the events of a change calendar when they are not.
//
// It is arithmetic on instants that are handed in: nothing here reads a clock. Where daylight saving makes a time of
// day mean two instants, or none, the narrower reading counts; where a date comes without a time zone, it is that
// date anywhere on earth. Doubt means no.
package calendar
