package account

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// lambdaEnvironment sets a variable of a function to a wrong value, or removes it. What was there is kept in the function's
// own environment, under another name, because values may be secrets and the journal holds none.
func lambdaEnvironment() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "lambda-environment", Doc: "Set an environment variable of a function to a wrong value, or remove it",
				Attributes: []fault.Attribute{
					{Name: "name", Type: fault.TypeText, Required: true, Doc: "the variable"},
					{Name: "value", Type: fault.TypeText, Doc: "what it is set to; no secret, for it is journaled"},
					{Name: "removed", Type: fault.TypeFlag, Doc: "it is taken away; instead of value"},
				},
			},
			Target: function(),
			Check:  checkVariable,
		},
		service: "lambda",
		open: func(cfg aws.Config) change {
			api := lambda.NewFromConfig(cfg)
			return perOrder(func(o order) change { return configuration(api, environment(o)) })
		},
		needs: configurationNeeds,
	}
}

const keptPrefix = "FIREDRILL_KEPT_"

var variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`) // AWS Lambda API reference, "Environment"

// reservedVariables are Lambda's own (AWS Lambda developer guide, "Working with Lambda environment variables").
func reservedVariables() []string {
	return []string{"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
		"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"}
}

func checkVariable(with fault.Attributes) []fault.Problem {
	name, _ := with["name"].(string)
	_, set := with["value"]
	removed, _ := with["removed"].(bool)
	switch {
	case !variableName.MatchString(name):
		return []fault.Problem{{Field: "name", Value: name, Message: "is no name of a variable", Hint: "a letter, then letters, digits and _"}}
	case slices.Contains(reservedVariables(), name):
		return []fault.Problem{{Field: "name", Value: name, Message: "is set by AWS Lambda itself", Hint: "choose a variable of the function's own"}}
	case strings.HasPrefix(name, "FIREDRILL_"):
		return []fault.Problem{{Field: "name", Value: name, Message: "is Firedrill's own", Hint: "choose a variable of the function's own"}}
	case set && removed:
		return []fault.Problem{{Field: "removed", Message: "does not go with value", Hint: "a variable is either set or removed: keep one of the two"}}
	case !set && !removed:
		return []fault.Problem{{Field: "value", Message: "is missing", Hint: "value: TEXT, or removed: true"}}
	}
	return nil
}

// A variable is what the change touches of a function's environment: two values, as marks. The environment itself is not
// journaled.
type variable struct {
	Value string `json:"value"` // of the variable
	Kept  string `json:"kept"`  // of the one that keeps the original
	all   map[string]string
}

// Marks say what a value is without saying it; any other value is "another" with a check sum.
const (
	markNone  = "none"
	markFault = "the fault's"
)

// environment is one variable of a function's environment, and beside it the one that keeps its original value.
func environment(o order) field[variable] {
	name, _ := o.With["name"].(string)
	v := variableOf{function: o.ID, name: name, kept: keptPrefix + name}
	if value, ok := o.With["value"].(string); ok {
		v.value = &value
	}
	return field[variable]{
		what: "variable " + name,
		get:  v.read, set: v.write, want: v.want, say: v.say, take: v.take,
		holds: func(now, after variable) bool { return now.Value == after.Value },
	}
}

// variableOf is one variable of one function, and what the fault makes of it.
type variableOf struct {
	function, name, kept string
	value                *string // nil: it is removed
}

func (v variableOf) read(out *lambda.GetFunctionConfigurationOutput) (variable, error) {
	now := variable{all: map[string]string{}}
	if e := out.Environment; e != nil {
		if e.Error != nil {
			return now, &action.Refused{Reason: fmt.Sprintf("function %s: its environment cannot be read: %s", v.function, aws.ToString(e.Error.Message)), Tip: "the runner needs kms:Decrypt on the function's own key"}
		}
		maps.Copy(now.all, e.Variables)
	}
	now.Value, now.Kept = v.mark(now.all, v.name), v.mark(now.all, v.kept)
	return now, nil
}

func (v variableOf) want(now variable, _ order) (variable, error) {
	if now.Kept != markNone {
		return variable{}, &action.Refused{Reason: fmt.Sprintf("function %s: it has a variable %s: an earlier fault was not put back", v.function, v.kept), Tip: "firedrill recover; if nobody knows of that run, rename the variable to " + v.name + " by hand"}
	}
	after := variable{Value: markFault, Kept: now.Value}
	if v.value == nil {
		after.Value = markNone
	}
	if now.Value == after.Value {
		return now, nil
	}
	if size := environmentSize(v.next(now, after)); size > maxEnvironment {
		return variable{}, &action.Refused{Reason: fmt.Sprintf("function %s: its environment would have %d bytes, and AWS Lambda takes %d", v.function, size, maxEnvironment), Tip: "the original value stays there as " + v.kept + ": choose a shorter value, or a variable that has one"}
	}
	return after, nil
}

// maxEnvironment is the most that all variables together may have (AWS Lambda developer guide, "Lambda quotas").
const maxEnvironment = 4 << 10

func environmentSize(all map[string]string) int {
	size := 0
	for name, value := range all {
		size += len(name) + len(value)
	}
	return size
}

func (v variableOf) write(in *lambda.UpdateFunctionConfigurationInput, from, to variable) {
	in.Environment = &types.Environment{Variables: v.next(from, to)}
}

// next is the environment from with both values as to has them; those that are not the fault's are in from.
func (v variableOf) next(from, to variable) map[string]string {
	all := maps.Clone(from.all)
	assign := func(name, mark, now string) {
		switch {
		case mark == now: // it stays
		case mark == markNone:
			delete(all, name)
		case mark == markFault:
			all[name] = *v.value
		case mark == from.Value:
			all[name] = from.all[v.name]
		case mark == from.Kept:
			all[name] = from.all[v.kept]
		}
	}
	assign(v.name, to.Value, from.Value)
	assign(v.kept, to.Kept, from.Kept)
	return all
}

// take puts back what was kept, if the variable is still what the fault made it.
func (v variableOf) take(now, before, after variable) (next variable, drift string) {
	next = now
	next.Kept = markNone
	switch {
	case now.Value != after.Value:
		drift = fmt.Sprintf("its variable %s was changed", v.name)
	case now.Kept == after.Kept:
		next.Value = now.Kept
	case now.Kept == markNone:
		drift = fmt.Sprintf("its variable %s, which kept the original value of %s, was removed", v.kept, v.name)
	default:
		next.Value, drift = now.Kept, fmt.Sprintf("its variable %s was changed to the value of %s, which kept the original and was changed", v.name, v.kept)
	}
	return next, drift
}

func (v variableOf) say(_, after variable) (change, undo string) {
	undo = "restore it from " + v.kept + ", which keeps it in the function's own environment"
	if after.Kept == markNone {
		undo = "remove it"
	}
	if v.value == nil {
		return "remove the variable " + v.name, undo
	}
	return fmt.Sprintf("set the variable %s to %q", v.name, *v.value), undo
}

// mark says what the value of a variable is. Of values that are not the fault's it tells 16 bits: enough to notice an edit, and
// too few to find out a secret by trying. They are the same each time, so that many journals tell no more than one.
func (v variableOf) mark(all map[string]string, name string) string {
	value, ok := all[name]
	switch {
	case !ok:
		return markNone
	case v.value != nil && value == *v.value:
		return markFault
	}
	sum := sha256.Sum256([]byte(v.function + "\x00" + v.name + "\x00" + value))
	return fmt.Sprintf("another %x", sum[:2])
}
