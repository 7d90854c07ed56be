package account

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// lambdaTimeout gives a function less time than it needs, so that AWS Lambda ends it in the middle.
func lambdaTimeout() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "lambda-timeout", Doc: "Give a function so little time that AWS Lambda ends it in the middle",
				Attributes: []fault.Attribute{{Name: "timeout", Type: fault.TypeDuration, Min: 1000, Max: 900_000, Required: true, Doc: "what an invocation may take, in whole seconds: 1s to 15m"}},
			},
			Target: function(),
			Check: func(with fault.Attributes) []fault.Problem {
				if ms, _ := with["timeout"].(float64); ms != float64(seconds(with))*1000 {
					return []fault.Problem{{Field: "timeout", Message: "is not in whole seconds", Hint: "AWS Lambda knows no others: 1s, 2s"}}
				}
				return nil
			},
		},
		service: "lambda",
		open:    func(cfg aws.Config) change { return configuration(lambda.NewFromConfig(cfg), timeout()) },
		needs:   configurationNeeds,
	}
}

func seconds(with fault.Attributes) int32 {
	ms, _ := with["timeout"].(float64)
	return int32(ms / 1000)
}

// timeout is a function's timeout, in seconds.
func timeout() field[int32] {
	return field[int32]{
		what: "timeout",
		get:  func(out *lambda.GetFunctionConfigurationOutput) (int32, error) { return aws.ToInt32(out.Timeout), nil },
		set:  func(in *lambda.UpdateFunctionConfigurationInput, _, to int32) { in.Timeout = &to },
		want: func(_ int32, o order) (int32, error) { return seconds(o.With), nil },
		say: func(before, after int32) (string, string) {
			return fmt.Sprintf("a timeout of %d s (now: %d s)", after, before), fmt.Sprintf("a timeout of %d s again", before)
		},
	}
}
