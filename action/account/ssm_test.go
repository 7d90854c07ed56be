package account

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// An agency is AWS Systems Manager with an agent on every instance: it keeps commands, which run until they are cancelled.
// moto's commands have ended before they began, and it has no agents.
type agency struct {
	mu       sync.Mutex
	commands []map[string]any
	agent    map[string]any // what every instance's agent says of itself; nil: there is none
}

// front answers for Systems Manager, and leaves the rest to moto.
func (a *agency) front(moto http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		call, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSSM.")
		if !ok {
			moto.ServeHTTP(out, r)
			return
		}
		var in map[string]any
		raw, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(raw, &in); err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		out.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(out).Encode(a.answer(call, in))
	})
}

func (a *agency) answer(call string, in map[string]any) any {
	switch call {
	case "DescribeInstanceInformation":
		list := []any{}
		if a.agent != nil {
			list = append(list, a.agent)
		}
		return map[string]any{"InstanceInformationList": list}
	case "SendCommand":
		in["CommandId"], in["Status"], in["StatusDetails"] = fmt.Sprintf("%036d", len(a.commands)), "InProgress", "InProgress"
		if in["DocumentName"] == "AWSFIS-Run-Kill-Process" {
			in["Status"] = "Success"
		}
		a.commands = append(a.commands, in)
		return map[string]any{"Command": in}
	case "ListCommands":
		list := []any{}
		for _, c := range a.commands {
			filter := in["Filters"].([]any)[0].(map[string]any)
			if c["InstanceIds"].([]any)[0] == in["InstanceId"] && filter["key"] == "DocumentName" && filter["value"] == c["DocumentName"] {
				list = append(list, c)
			}
		}
		return map[string]any{"Commands": list}
	case "CancelCommand":
		for _, c := range a.commands {
			if c["CommandId"] == in["CommandId"] && c["Status"] == "InProgress" {
				c["Status"] = "Cancelled"
			}
		}
	}
	return map[string]any{}
}

func commandFixture(kind, document string, with fault.Attributes) fixture {
	a := &agency{agent: map[string]any{"PingStatus": "Online", "PlatformType": "Linux"}}
	return fixture{
		kind: kind, target: experiment.Target{Resources: []string{"shop"}}, with: with, setup: makeInstance, front: a.front,
		stays: document == "AWSFIS-Run-Kill-Process",
		state: func(t *testing.T, w world) any {
			_, id, err := findInstance(t.Context(), ec2.NewFromConfig(w.cfg), w.cfg.Region, "shop")
			if err != nil {
				t.Fatal(err)
			}
			list, err := commandsOf(t.Context(), ssm.NewFromConfig(w.cfg), order{ID: id, Run: params().Run, Condition: "c"}, sent{Document: document})
			if err != nil {
				t.Fatal(err)
			}
			live := []any{}
			for _, c := range list {
				if c.Status == "InProgress" || c.Status == "Success" {
					live = append(live, []any{c.Parameters, c.InstanceIds, c.TimeoutSeconds})
				}
			}
			return live
		},
	}
}

func ssmCPUStressFixture() fixture {
	return commandFixture("ssm-cpu-stress", "AWSFIS-Run-CPU-Stress", fault.Attributes{"duration": 60_000.0, "percent": 80.0})
}

func ssmDiskFillFixture() fixture {
	return commandFixture("ssm-disk-fill", "AWSFIS-Run-Disk-Fill", fault.Attributes{"duration": 60_000.0})
}

func ssmKillProcessFixture() fixture {
	return commandFixture("ssm-kill-process", "AWSFIS-Run-Kill-Process", fault.Attributes{"process": "inventory", "signal": "SIGKILL"})
}

func ssmMemoryStressFixture() fixture {
	return commandFixture("ssm-memory-stress", "AWSFIS-Run-Memory-Stress", fault.Attributes{"duration": 60_000.0, "percent": 80.0})
}

func ssmNetworkLatencyFixture() fixture {
	return commandFixture("ssm-network-latency", "AWSFIS-Run-Network-Latency", fault.Attributes{"duration": 60_000.0, "delay": 300.0})
}

// TestDocumentParameters: a document gets what its own documentation names, and tools are installed only on request.
func TestDocumentParameters(t *testing.T) {
	stand := newStand(t)
	for _, c := range []struct {
		fixture fixture
		want    string
	}{
		{ssmCPUStressFixture(), `{"DurationSeconds":["60"],"InstallDependencies":["False"],"LoadPercent":["80"]}`},
		{ssmDiskFillFixture(), `{"DurationSeconds":["60"],"InstallDependencies":["False"]}`},
		{ssmKillProcessFixture(), `{"InstallDependencies":["False"],"ProcessName":["inventory"],"Signal":["SIGKILL"]}`},
		{ssmMemoryStressFixture(), `{"DurationSeconds":["60"],"InstallDependencies":["False"],"Percent":["80"]}`},
		{ssmNetworkLatencyFixture(), `{"DelayMilliseconds":["300"],"DurationSeconds":["60"],"InstallDependencies":["False"]}`},
	} {
		w := stand.behind(t, c.fixture).world()
		c.fixture.setup(t, w)
		list, err := w.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: c.fixture.kind, Target: c.fixture.target, With: c.fixture.with}, params())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := list[0].Prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u, err := decodeRecord(raw)
		if err != nil {
			t.Fatal(err)
		}
		var hit sent
		if err := json.Unmarshal(u.Before, &hit); err != nil || text(hit.Parameters) != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.fixture.kind, text(hit.Parameters), c.want, err)
		}
	}
}

// TestAgentsThatAreRefused: an instance that could not run a command is refused before anything is armed.
func TestAgentsThatAreRefused(t *testing.T) {
	stand := newStand(t)
	for why, agent := range map[string]map[string]any{
		"has no SSM agent": nil,
		"ConnectionLost":   {"PingStatus": "ConnectionLost", "PlatformType": "Linux"},
		"runs Windows":     {"PingStatus": "Online", "PlatformType": "Windows"},
	} {
		a := &agency{agent: agent}
		f := ssmCPUStressFixture()
		f.front = a.front
		w := stand.behind(t, f).world()
		f.setup(t, w)
		list, err := w.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: f.kind, Target: f.target, With: f.with}, params())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := list[0].Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
}

// TestCommandThatFails: a document that cannot do its work is an error, with the way to its output.
func TestCommandThatFails(t *testing.T) {
	a := &agency{commands: []map[string]any{{"CommandId": "1", "DocumentName": "AWSFIS-Run-CPU-Stress", "InstanceIds": []any{"i-1"}, "Status": "Failed", "StatusDetails": "Failed"}}}
	f := fixture{front: a.front}
	w := newStand(t).behind(t, f).world()
	o := order{ID: "arn:aws:ec2:eu-west-1:1:instance/i-1", Run: "r", Condition: "c"}
	a.commands[0]["Comment"] = comment(o)
	if begun, err := began(t.Context(), ssm.NewFromConfig(w.cfg), o, sent{Document: "AWSFIS-Run-CPU-Stress"}); err == nil || begun || !strings.Contains(err.Error(), "Failed") {
		t.Errorf("%v, %v", begun, err)
	}
	o.Run = "another"
	if begun, err := began(t.Context(), ssm.NewFromConfig(w.cfg), o, sent{Document: "AWSFIS-Run-CPU-Stress"}); err != nil || begun {
		t.Errorf("a command of another run: %v, %v", begun, err)
	}
}

func TestCommandWords(t *testing.T) {
	for _, bad := range []fault.Attributes{{"process": "x; reboot"}, {"process": "$(id)"}, {"process": "-9"}, {"process": ""}, {"interface": "eth0 && id"}, {"interface": "a-name-that-is-too-long"}} {
		if checkWords(bad) == nil {
			t.Errorf("%v is no problem", bad)
		}
	}
	if got := checkWords(fault.Attributes{"process": "beam.smp", "interface": "ens5"}); got != nil {
		t.Error(got)
	}
	if got := comment(order{Run: strings.Repeat("r", 26), Condition: strings.Repeat("c", 300)}); len(got) > 100 || got == comment(order{Run: strings.Repeat("r", 26), Condition: "d"}) {
		t.Errorf("comment %q", got)
	}
}
