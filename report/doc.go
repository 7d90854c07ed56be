// Package report renders a finished run, an engine.Result: as text for terminals, as JSON for programs, as JUnit
// XML for CI servers, as Markdown for summaries of pull requests, and as one HTML file with charts that opens
// without a network.
//
// Rendering reads nothing but the result and changes nothing. The same result gives the same bytes, whoever
// renders it and when. A result may come from a file that anybody wrote: whatever its texts hold, they are shown
// as text, and a result with parts missing (a run that never injected, or failed at once) is shown with what
// there is.
package report
