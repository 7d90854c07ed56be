package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

var (
	shopRule = types.CORSRule{ID: aws.String("shop"), AllowedMethods: []string{"GET", "PUT"}, AllowedOrigins: []string{"https://shop.example.com"},
		AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(600)}
	adminRule = types.CORSRule{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"https://admin.example.com", "https://*.example.org"}}
	otherRule = types.CORSRule{ID: aws.String("other"), AllowedMethods: []string{"HEAD"}, AllowedOrigins: []string{"*"}}
)

func readCORS(t *testing.T, w world, name string) []types.CORSRule {
	t.Helper()
	out, err := bucketClient(w).GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: &name})
	if hasCode(err, "NoSuchCORSConfiguration") {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.CORSRules
}

func putCORS(t *testing.T, w world, name string, rules ...types.CORSRule) {
	t.Helper()
	if _, err := bucketClient(w).PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: &name, CORSConfiguration: &types.CORSConfiguration{CORSRules: rules}}); err != nil {
		t.Fatal(err)
	}
}

func corsFixture() fixture {
	const name = "shop-uploads"
	return fixture{
		kind: "s3-cors", target: experiment.Target{Resources: []string{name}}, with: fault.Attributes{"origin": "https://nobody.example"},
		setup: func(t *testing.T, w world) {
			makeBucket(t, w, name)
			putCORS(t, w, name, shopRule, adminRule)
		},
		state: func(t *testing.T, w world) any { return readCORS(t, w, name) },
		edit:  func(t *testing.T, w world) { putCORS(t, w, name, otherRule) },
		beside: func(t *testing.T, w world) {
			putCORS(t, w, name, append(readCORS(t, w, name), otherRule)...)
		},
	}
}

func TestCORSRulesRemoved(t *testing.T) {
	f := corsFixture()
	f.with = nil
	stand := newStand(t)
	restoresExactly(t, newSubject(t, stand, f))
	f.beside = nil // they were all removed: whoever adds one writes all
	otherEdit(t, newSubject(t, stand, f))
	s := newSubject(t, stand, f)
	refused(t, s.world, f.kind, "shop-nowhere", nil, "no bucket shop-nowhere")
	if _, err := bucketClient(s.world).DeleteBucketCors(t.Context(), &s3.DeleteBucketCorsInput{Bucket: aws.String("shop-uploads")}); err != nil {
		t.Fatal(err)
	}
	refused(t, s.world, f.kind, "arn:aws:s3:::shop-uploads", nil, "already what the fault")
}

func TestTakeCORS(t *testing.T) {
	broken := func(r types.CORSRule) types.CORSRule {
		r.AllowedOrigins = []string{"https://nobody.example"}
		return r
	}
	type rules = []types.CORSRule
	before := rules{shopRule, adminRule}
	after := rules{broken(shopRule), broken(adminRule)}
	for name, c := range map[string]struct {
		now, after, next rules
		drift            bool
	}{
		"ours":                   {after, after, before, false},
		"one added":              {rules{otherRule, after[0], after[1]}, after, rules{otherRule, shopRule, adminRule}, false},
		"one removed":            {rules{after[1]}, after, rules{adminRule}, true},
		"one mended by somebody": {rules{shopRule, after[1]}, after, rules{shopRule, adminRule}, false},
		"all removed":            {nil, nil, before, false},
		"all removed, then one":  {rules{otherRule}, nil, rules{otherRule}, true},
	} {
		if next, drift := takeCORS(c.now, before, c.after); text(next) != text(c.next) || (drift != "") != c.drift {
			t.Errorf("%s: %s, %q", name, text(next), drift)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	for origin, ok := range map[string]bool{"https://nobody.example": true, "nobody.example": false, "*": false, "https://*": false} {
		if problems := checkOrigin(fault.Attributes{"origin": origin}); (len(problems) == 0) != ok {
			t.Errorf("%s: %v", origin, problems)
		}
	}
}
