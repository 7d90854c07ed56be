//go:build !linux

package main

// pin cannot keep processes on one CPU here.
func pin() bool { return false }
