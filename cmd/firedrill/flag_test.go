package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// demoFolder NAME DIR copies a folder of the demo.
func demoFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: demofolder NAME DIR")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS("../../demo/"+args[0])))
}
