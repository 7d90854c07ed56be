// Package pressure takes resources away from a function for the length of one invocation: room in the temporary
// folder, memory, processor time, file descriptors. The SDK and the layer's proxy share it.
//
// Invariants: nothing is taken beyond the bounds of package fault, the function's own memory size, or what one
// invocation of the process holds already. What was taken is given back by release, and by the operating system
// where the process dies first: the file that takes up the disk has no name, so nobody's file is touched and
// none is ever left behind. A resource that cannot be taken is given back whole, and the error says why.
package pressure
