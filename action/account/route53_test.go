package account

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// A strictRoute53 refuses what Route 53 refuses and moto does not: an update of another version of a health check, and
// the deletion of a record that is not exactly so.
type strictRoute53 struct {
	moto http.Handler

	mu       sync.Mutex
	versions map[string]int // of health checks, by their paths
}

func newStrictRoute53(moto http.Handler) http.Handler {
	return &strictRoute53{moto: moto, versions: map[string]int{}}
}

var healthCheckVersion = regexp.MustCompile(`<HealthCheckVersion>(\d+)</HealthCheckVersion>`)

var deletion = regexp.MustCompile(`(?s)<Change><Action>DELETE</Action>.*?</Change>`)

func (s *strictRoute53) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	path := strings.TrimSuffix(r.URL.Path, "/")
	update := strings.HasPrefix(path, "/2013-04-01/healthcheck/") && r.Method == http.MethodPost
	switch asked := healthCheckVersion.FindSubmatch(raw); {
	case update && asked != nil && string(asked[1]) != fmt.Sprint(1+s.versions[path]):
		refuseXML(w, http.StatusConflict, "HealthCheckVersionMismatch", "the value of HealthCheckVersion does not match that of the health check")
		return
	case strings.HasSuffix(path, "/rrset") && r.Method == http.MethodPost:
		if wrong := s.notThere(r, raw); wrong != "" {
			refuseXML(w, http.StatusBadRequest, "InvalidChangeBatch", wrong)
			return
		}
		if deleted := deletion.ReplaceAll(raw, nil); len(deleted) < len(raw) { // moto would forget that it was deleted
			raw = bytes.ReplaceAll(deleted, []byte("<Action>CREATE<"), []byte("<Action>UPSERT<"))
		}
	}
	answer := s.ask(r, r.Method, raw)
	if update && answer.Code == http.StatusOK {
		s.versions[path]++
	}
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(healthCheckVersion.ReplaceAll(answer.Body.Bytes(), fmt.Appendf(nil, "<HealthCheckVersion>%d</HealthCheckVersion>", 1+s.versions[path])))
}

func (s *strictRoute53) ask(r *http.Request, method string, body []byte) *httptest.ResponseRecorder {
	to := r.Clone(r.Context())
	to.Method, to.Body, to.ContentLength = method, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	s.moto.ServeHTTP(answer, to)
	return answer
}

// An rrset is a record as the wire has it.
type rrset struct {
	Name, Type, SetIdentifier, HealthCheckId string
	Weight, TTL                              int
	Values                                   []string `xml:"ResourceRecords>ResourceRecord>Value"`
	Alias                                    *struct {
		HostedZoneId, DNSName string
		EvaluateTargetHealth  bool
	} `xml:"AliasTarget"`
}

// notThere says which record a batch wants to delete that is not exactly so.
func (s *strictRoute53) notThere(r *http.Request, raw []byte) string {
	var batch struct {
		Changes []struct {
			Action string
			Record rrset `xml:"ResourceRecordSet"`
		} `xml:"ChangeBatch>Changes>Change"`
	}
	var have struct {
		Records []rrset `xml:"ResourceRecordSets>ResourceRecordSet"`
	}
	listed := s.ask(r, http.MethodGet, nil)
	if err := xml.Unmarshal(raw, &batch); err != nil {
		return err.Error()
	}
	if err := xml.Unmarshal(listed.Body.Bytes(), &have); err != nil {
		return err.Error()
	}
	for _, c := range batch.Changes {
		found := c.Action != "DELETE"
		for _, h := range have.Records {
			found = found || reflect.DeepEqual(h, c.Record)
		}
		if !found {
			return fmt.Sprintf("[Tried to delete resource record set [name='%s', type='%s', set identifier='%s'] but the values provided do not match the current values]", c.Record.Name, c.Record.Type, c.Record.SetIdentifier)
		}
	}
	return ""
}

func refuseXML(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>x</RequestId></ErrorResponse>`, code, message)
}

// makeZone makes a zone with weighted records, and tells its id.
func makeZone(t *testing.T, w world) {
	t.Helper()
	api := route53.NewFromConfig(w.cfg)
	zone, err := api.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: aws.String("example.com"), CallerReference: aws.String(w.account)})
	if err != nil {
		t.Fatal(err)
	}
	var changes []types.Change
	for _, r := range []struct {
		set    string
		weight int64
		values []string
	}{{"ireland", 90, []string{"192.0.2.1", "192.0.2.2"}}, {"ohio", 10, []string{"198.51.100.1"}}} {
		record := types.ResourceRecordSet{Name: aws.String("api.example.com"), Type: types.RRTypeA, SetIdentifier: &r.set, Weight: &r.weight, TTL: aws.Int64(60)}
		for _, v := range r.values {
			record.ResourceRecords = append(record.ResourceRecords, types.ResourceRecord{Value: &v})
		}
		alias := types.ResourceRecordSet{Name: aws.String("shop.example.com"), Type: types.RRTypeA, SetIdentifier: aws.String("alias-" + r.set), Weight: &r.weight,
			AliasTarget: &types.AliasTarget{HostedZoneId: aws.String("Z2FDTNDATAQYW2"), DNSName: aws.String(r.set + ".example.net."), EvaluateTargetHealth: true}}
		changes = append(changes, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: &record}, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: &alias})
	}
	if _, err := api.ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{HostedZoneId: zone.HostedZone.Id, ChangeBatch: &types.ChangeBatch{Changes: changes}}); err != nil {
		t.Fatal(err)
	}
}

func zoneID(t *testing.T, w world) string {
	t.Helper()
	out, err := route53.NewFromConfig(w.cfg).ListHostedZones(t.Context(), &route53.ListHostedZonesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(*out.HostedZones[0].Id, "/hostedzone/")
}

func lookAtZone(t *testing.T, w world) any {
	t.Helper()
	out, err := route53.NewFromConfig(w.cfg).ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(zoneID(t, w))})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out.ResourceRecordSets, func(a, b types.ResourceRecordSet) int {
		return cmp.Compare(*a.Name+aws.ToString(a.SetIdentifier), *b.Name+aws.ToString(b.SetIdentifier))
	})
	return out.ResourceRecordSets
}

// upsertRecord changes one of the records of makeZone.
func upsertRecord(t *testing.T, w world, set string, change func(r *types.ResourceRecordSet)) {
	t.Helper()
	for _, r := range lookAtZone(t, w).([]types.ResourceRecordSet) {
		if aws.ToString(r.SetIdentifier) != set {
			continue
		}
		r.Name = aws.String(strings.TrimSuffix(*r.Name, "."))
		change(&r)
		if _, err := route53.NewFromConfig(w.cfg).ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String(zoneID(t, w)),
			ChangeBatch: &types.ChangeBatch{Changes: []types.Change{{Action: types.ChangeActionUpsert, ResourceRecordSet: &r}}}}); err != nil {
			t.Fatal(err)
		}
	}
}

func weightsFixture() fixture {
	return fixture{
		kind: "route53-weights", target: experiment.Target{Resources: []string{"${id}/api.example.com/A/ireland"}}, with: fault.Attributes{"weight": 0.0},
		front: newStrictRoute53, setup: makeZone, id: zoneID, state: lookAtZone,
		edit: func(t *testing.T, w world) {
			upsertRecord(t, w, "ireland", func(r *types.ResourceRecordSet) { r.Weight = aws.Int64(50) })
		},
		beside: func(t *testing.T, w world) {
			upsertRecord(t, w, "ireland", func(r *types.ResourceRecordSet) { r.TTL = aws.Int64(5) })
			upsertRecord(t, w, "ohio", func(r *types.ResourceRecordSet) { r.Weight = aws.Int64(20) })
		},
	}
}

func TestWeightOfAnAlias(t *testing.T) {
	f := weightsFixture()
	f.target.Resources = []string{"${id}/shop.example.com/A/alias-ireland"}
	restoresExactly(t, newSubject(t, newStand(t).behind(t, f), f))
}

// TestRecordIsExchanged: what somebody wrote since the record was read is not overwritten.
func TestRecordIsExchanged(t *testing.T) {
	f := weightsFixture()
	w := newStand(t).behind(t, f).world()
	f.setup(t, w)
	api, name := route53.NewFromConfig(w.cfg), zoneID(t, w)+"/api.example.com/A/ireland"
	from, err := readWeighted(t.Context(), api, name)
	if err != nil {
		t.Fatal(err)
	}
	f.beside(t, w)
	theirs := f.look(t, w)
	to := from
	to.Record.Weight = aws.Int64(0)
	if err := weight(api, "aws").write(t.Context(), name, from, to); !errors.Is(err, errConflict) {
		t.Errorf("write on top of what was not read: %v", err)
	}
	if now := f.look(t, w); now != theirs {
		t.Errorf("overwritten: %s", now)
	}
}

func TestRecordIsRefused(t *testing.T) {
	f := weightsFixture()
	w := newStand(t).behind(t, f).world()
	f.setup(t, w)
	id := zoneID(t, w)
	for target, says := range map[string]string{
		"api.example.com/A":               "is not ZONE/NAME/TYPE/SET",
		id + "/api.example.com/A/oregon":  "no record",
		id + "/www.example.com/A/ireland": "no record",
		"Z0000/api.example.com/A/ireland": "no record",
	} {
		refused(t, w, f.kind, target, f.with, says)
	}
	refused(t, w, f.kind, id+"/api.example.com/A/ohio", fault.Attributes{"weight": 11.0}, "its weight is 10, less than the 11")
	upsertRecord(t, w, "ohio", func(r *types.ResourceRecordSet) { r.Weight = aws.Int64(0) })
	refused(t, w, f.kind, id+"/api.example.com/A/ireland", f.with, "no other record of its name has any weight")
}

func TestParseRecordName(t *testing.T) {
	want := recordName{"Z1", `\052.example.com.`, "A", "eu/west"}
	for _, text := range []string{"Z1/*.Example.com/a/eu/west", "/hostedzone/Z1/*.example.com./A/eu/west", want.id("aws")} {
		if got, err := parseRecordName(text); got != want || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func FuzzParseRecordName(f *testing.F) {
	f.Add("Z1/*.Example.com/a/eu/west")
	f.Fuzz(func(t *testing.T, text string) {
		name, err := parseRecordName(text)
		if err != nil {
			return
		}
		if again, err := parseRecordName(name.id("aws")); err == nil && !strings.Contains(name.zone+name.name+name.kind+name.set, "hostedzone/") && again != name && !strings.Contains(name.zone, "/record") {
			t.Errorf("%q: %+v, then %+v", text, name, again)
		}
	})
}
