package main

import (
	"context"
	"os"
	"testing"
)

// scale makes AWS so fast that the tests take seconds.
const scale = 100

func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		exitOn(child(context.Background()))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestThousand: a thousand functions are changed and put back under AWS's limits, and no throttling error gets as far
// as the run. How long it takes is for the bench to say, at AWS's own pace.
func TestThousand(t *testing.T) {
	f, err := measureRun(t.Context(), 1000, scale)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(f)
	if f.calls < 6000 {
		t.Errorf("only %d calls", f.calls)
	}
}

// TestThousandRecovered: the same, killed when all is changed; the recovery is killed in the middle, and a second one
// puts back the rest.
func TestThousandRecovered(t *testing.T) {
	f, err := measureRecovery(t.Context(), 1000, scale)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(f)
}
