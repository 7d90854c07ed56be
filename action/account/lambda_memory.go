package account

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// lambdaMemory gives a function another size of memory, and with it another share of a processor. The bounds are those of
// the AWS Lambda developer guide, "Lambda quotas".
func lambdaMemory() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "lambda-memory", Doc: "Give a function so little memory, and processor time with it, that it is slow or dies",
				Attributes: []fault.Attribute{{Name: "memory", Type: fault.TypeInteger, Min: 128, Max: 10240, Required: true, Doc: "MB, 128 to 10240"}},
			},
			Target: function(),
		},
		service: "lambda",
		open:    func(cfg aws.Config) change { return configuration(lambda.NewFromConfig(cfg), memory()) },
		needs:   configurationNeeds,
	}
}

// memory is the size of a function's memory, in MB.
func memory() field[int32] {
	return field[int32]{
		what: "memory",
		get: func(out *lambda.GetFunctionConfigurationOutput) (int32, error) {
			return aws.ToInt32(out.MemorySize), nil
		},
		set: func(in *lambda.UpdateFunctionConfigurationInput, _, to int32) { in.MemorySize = &to },
		want: func(_ int32, o order) (int32, error) {
			wanted, _ := o.With["memory"].(float64)
			return int32(wanted), nil
		},
		say: func(before, after int32) (string, string) {
			return fmt.Sprintf("a memory of %d MB (now: %d MB)", after, before), fmt.Sprintf("a memory of %d MB again", before)
		},
	}
}
