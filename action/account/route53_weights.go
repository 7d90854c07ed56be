package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// recordAPI is what the kind needs of Amazon Route 53.
type recordAPI interface {
	ListResourceRecordSets(ctx context.Context, in *route53.ListResourceRecordSetsInput, opts ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error)
	ChangeResourceRecordSets(ctx context.Context, in *route53.ChangeResourceRecordSetsInput, opts ...func(*route53.Options)) (*route53.ChangeResourceRecordSetsOutput, error)
}

// route53Weights takes weight off a record, so that users are sent to the others of its name: a failover between regions.
func route53Weights() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "route53-weights", Doc: "Take weight off a weighted record, so that users are sent elsewhere",
				Attributes: []fault.Attribute{{Name: "weight", Type: fault.TypeInteger, Max: 255, Doc: "of the record; default 0: nobody is sent there"}},
			},
			Target: experiment.Resource{Key: "record", Doc: "A weighted record of Route 53, as ZONE/NAME/TYPE/SET: Z0123/api.example.com/A/ireland"},
		},
		service: "route53",
		open:    func(cfg aws.Config) change { return weight(route53.NewFromConfig(cfg), partition(cfg.Region)) },
		needs: func(id string) []action.Permission {
			zone, _, _ := strings.Cut(id, "/record/")
			return []action.Permission{{Resources: []string{zone}, Actions: []string{"route53:ListResourceRecordSets", "route53:ChangeResourceRecordSets"}}}
		},
	}
}

// A recordName is what tells a weighted record from all others.
type recordName struct{ zone, name, kind, set string }

// id is the ARN of the zone, and the record in it, which has none of its own.
func (r recordName) id(partition string) string {
	return "arn:" + partition + ":route53:::hostedzone/" + r.zone + "/record/" + r.name + "/" + r.kind + "/" + r.set
}

// parseRecordName reads what a target says, or an id.
func parseRecordName(text string) (recordName, error) {
	if at := strings.Index(text, "hostedzone/"); at >= 0 {
		text = strings.Replace(text[at+len("hostedzone/"):], "/record/", "/", 1)
	}
	parts := strings.SplitN(text, "/", 4)
	if len(parts) < 4 {
		return recordName{}, &action.Refused{Reason: fmt.Sprintf("target %q is not ZONE/NAME/TYPE/SET", text), Tip: "such as Z0123/api.example.com/A/ireland: the zone's id, the record's name, type and set identifier"}
	}
	// Route 53 tells names in lower case, with a dot at the end, and "*" as its code.
	name := strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(parts[1], ".")), "*", `\052`) + "."
	return recordName{zone: parts[0], name: name, kind: strings.ToUpper(parts[2]), set: parts[3]}, nil
}

// weighted is a record and what the others of its name weigh.
type weighted struct {
	Record types.ResourceRecordSet `json:"record"`

	others int64
}

// readWeighted finds a record among those of its name.
func readWeighted(ctx context.Context, api recordAPI, id string) (weighted, error) {
	want, err := parseRecordName(id)
	if err != nil {
		return weighted{}, err
	}
	var out weighted
	found := false
	in := &route53.ListResourceRecordSetsInput{HostedZoneId: &want.zone, StartRecordName: &want.name, StartRecordType: types.RRType(want.kind)}
	for {
		page, err := api.ListResourceRecordSets(ctx, in)
		if err != nil {
			return out, explain("hosted zone "+want.zone+": list its records", err, "NoSuchHostedZone")
		}
		for _, r := range page.ResourceRecordSets {
			switch {
			case !strings.EqualFold(aws.ToString(r.Name), want.name) || string(r.Type) != want.kind:
			case aws.ToString(r.SetIdentifier) == want.set:
				out.Record, found = r, true
			default:
				out.others += aws.ToInt64(r.Weight)
			}
		}
		more := page.IsTruncated && strings.EqualFold(aws.ToString(page.NextRecordName), want.name) && string(page.NextRecordType) == want.kind
		if !more && !found {
			return out, fmt.Errorf("hosted zone %s: record %s %s %s: %w", want.zone, want.name, want.kind, want.set, errGone)
		}
		if !more {
			return out, nil
		}
		in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = page.NextRecordName, page.NextRecordType, page.NextRecordIdentifier
	}
}

// weight is a weighted record; the kind changes its weight, but a record is written as a whole.
func weight(api recordAPI, partition string) setting[weighted] {
	return setting[weighted]{
		what: "weight",
		lookup: func(ctx context.Context, name string) (string, error) {
			record, err := parseRecordName(name)
			if err != nil {
				return "", err
			}
			found, err := readWeighted(ctx, api, name)
			switch {
			case errors.Is(err, errGone):
				return "", missing("record", name, "Route 53", err)
			case err != nil:
				return "", err
			case found.Record.Weight == nil:
				return "", &action.Refused{Reason: "record " + name + " has no weight: it is routed in another way", Tip: "choose a weighted record"}
			case found.Record.TrafficPolicyInstanceId != nil:
				return "", &action.Refused{Reason: "record " + name + " was made by a traffic policy", Tip: "choose a record that is its own"}
			}
			return record.id(partition), nil
		},
		read: func(ctx context.Context, id string) (weighted, error) { return readWeighted(ctx, api, id) },
		want: func(now weighted, o order) (weighted, error) {
			wanted, _ := o.With["weight"].(float64)
			switch have := aws.ToInt64(now.Record.Weight); {
			case now.others == 0:
				return now, &action.Refused{Reason: fmt.Sprintf("%s: no other record of its name has any weight, so that users would be sent there all the same", o.ID), Tip: "give another record a weight first"}
			case int64(wanted) > have:
				return now, &action.Refused{Reason: fmt.Sprintf("%s: its weight is %d, less than the %d of the fault", o.ID, have, int64(wanted)), Tip: "choose less than now"}
			}
			now.Record.Weight = aws.Int64(int64(wanted))
			return now, nil
		},
		write: func(ctx context.Context, id string, from, to weighted) error {
			in, err := parseRecordName(id)
			if err != nil {
				return err
			}
			_, err = api.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &in.zone, ChangeBatch: exchange(from.Record, to.Record)})
			var refused *types.InvalidChangeBatch
			if errors.As(err, &refused) {
				return fmt.Errorf("record %s: %w: %w", id, errConflict, err)
			}
			return explain("record "+id+": change its weight", err, "NoSuchHostedZone")
		},
		take: func(now, before, after weighted) (next weighted, drift string) {
			next = now
			switch have := aws.ToInt64(now.Record.Weight); have {
			case aws.ToInt64(after.Record.Weight):
				next.Record.Weight = before.Record.Weight
			case aws.ToInt64(before.Record.Weight):
			default:
				return now, fmt.Sprintf("its weight was changed to %d", have)
			}
			return next, ""
		},
		holds: func(now, after weighted) bool {
			return aws.ToInt64(now.Record.Weight) == aws.ToInt64(after.Record.Weight)
		},
		say: func(before, after weighted) (string, string) {
			return fmt.Sprintf("lower its weight to %d (now: %d; the others of its name: %d)", *after.Record.Weight, *before.Record.Weight, before.others),
				fmt.Sprintf("raise its weight to %d again", *before.Record.Weight)
		},
	}
}

// exchange is one record in place of another. Deleting works only if the record is exactly as it was read, and of a batch
// Route 53 makes all changes or none: so nobody's edit is overwritten, and the name is never without its record.
func exchange(from, to types.ResourceRecordSet) *types.ChangeBatch {
	return &types.ChangeBatch{
		Comment: aws.String("firedrill"),
		Changes: []types.Change{
			{Action: types.ChangeActionDelete, ResourceRecordSet: &from},
			{Action: types.ChangeActionCreate, ResourceRecordSet: &to},
		},
	}
}
