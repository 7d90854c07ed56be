package account

import (
	"fmt"
	"regexp"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// commandKind is the kind that runs a document on an instance.
func commandKind(name, doc string, d runnable, attributes ...fault.Attribute) kind {
	if !d.once {
		attributes = append([]fault.Attribute{{Name: "duration", Type: fault.TypeDuration, Required: true, Min: 1000, Max: 3_600_000, Doc: "how long, in whole seconds; it ends then, whatever becomes of the run"}}, attributes...)
	}
	attributes = append(attributes, fault.Attribute{Name: "install", Type: fault.TypeFlag, Doc: "true: tools that are missing are installed, and stay; default false: the run fails"})
	return kind{
		Kind:    experiment.Kind{KindInfo: fault.KindInfo{Kind: fault.Kind(name), Doc: doc, Attributes: attributes}, Target: instance(), Irreversible: d.once, Check: checkWords},
		service: "ssm",
		undo:    cancelling,
		open:    d.open,
		needs:   d.needs,
	}
}

// checkWords sees to it that texts are plain words: they reach a shell in the instance.
func checkWords(with fault.Attributes) []fault.Problem {
	for name, plain := range map[string]*regexp.Regexp{
		"interface": regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`),
		"process":   regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`),
	} {
		if word, ok := with[name].(string); ok && !plain.MatchString(word) {
			return []fault.Problem{{Field: name, Value: word, Message: "is not the plain name of one", Hint: "letters, digits, dots, dashes and underscores"}}
		}
	}
	return nil
}

func ssmCPUStress() kind {
	return commandKind("ssm-cpu-stress", "Keep the processors of an EC2 instance busy", runnable{name: "AWSFIS-Run-CPU-Stress", parameters: func(with fault.Attributes) map[string]string {
		return parameters(with, map[string]string{"percent": "LoadPercent", "workers": "CPU"})
	}},
		fault.Attribute{Name: "percent", Type: fault.TypeInteger, Min: 1, Max: 100, Doc: "how busy; default 100"},
		fault.Attribute{Name: "workers", Type: fault.TypeInteger, Min: 1, Max: 1024, Doc: "how many processors; default all"})
}

func ssmMemoryStress() kind {
	return commandKind("ssm-memory-stress", "Use up the memory of an EC2 instance", runnable{name: "AWSFIS-Run-Memory-Stress", parameters: func(with fault.Attributes) map[string]string {
		return parameters(with, map[string]string{"percent": "Percent", "workers": "Workers"})
	}},
		fault.Attribute{Name: "percent", Type: fault.TypeInteger, Required: true, Min: 1, Max: 100, Doc: "how much of its virtual memory"},
		fault.Attribute{Name: "workers", Type: fault.TypeInteger, Min: 1, Max: 1024, Doc: "how many processes use it; default 1"})
}

func ssmDiskFill() kind {
	return commandKind("ssm-disk-fill", "Fill the root volume of an EC2 instance", runnable{name: "AWSFIS-Run-Disk-Fill", parameters: func(with fault.Attributes) map[string]string {
		return parameters(with, map[string]string{"percent": "Percent"})
	}},
		fault.Attribute{Name: "percent", Type: fault.TypeInteger, Min: 1, Max: 99, Doc: "how full; default 95. A volume that is quite full can keep the agent from ending it"})
}

func ssmNetworkLatency() kind {
	return commandKind("ssm-network-latency", "Delay what an EC2 instance sends", runnable{name: "AWSFIS-Run-Network-Latency", parameters: func(with fault.Attributes) map[string]string {
		return parameters(with, map[string]string{"delay": "DelayMilliseconds", "interface": "Interface"})
	}},
		fault.Attribute{Name: "delay", Type: fault.TypeDuration, Min: 1, Max: 60_000, Doc: "in whole milliseconds; default 200ms"},
		fault.Attribute{Name: "interface", Type: fault.TypeText, Doc: "the network interface; default eth0"})
}

func ssmKillProcess() kind {
	return commandKind("ssm-kill-process", "End a process of an EC2 instance", runnable{name: "AWSFIS-Run-Kill-Process", once: true, parameters: func(with fault.Attributes) map[string]string {
		return parameters(with, map[string]string{"process": "ProcessName", "signal": "Signal"})
	}},
		fault.Attribute{Name: "process", Type: fault.TypeText, Required: true, Doc: "its name, as killall knows it; every process of that name is ended"},
		fault.Attribute{Name: "signal", Type: fault.TypeText, Values: []string{"SIGTERM", "SIGKILL"}, Doc: "default SIGTERM"})
}

// parameters are a document's, by the names that they have there. Tools are installed only if that is asked for, because
// nothing takes them away again.
func parameters(with fault.Attributes, names map[string]string) map[string]string {
	out := map[string]string{"InstallDependencies": "False"}
	if install, _ := with["install"].(bool); install {
		out["InstallDependencies"] = "True"
	}
	if duration, ok := with["duration"].(float64); ok {
		out["DurationSeconds"] = fmt.Sprint(int(duration / 1000))
	}
	for attribute, name := range names {
		switch value := with[attribute].(type) {
		case float64:
			out[name] = fmt.Sprint(int(value))
		case string:
			out[name] = value
		}
	}
	return out
}
