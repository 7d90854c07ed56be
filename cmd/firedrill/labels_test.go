package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLabels(t *testing.T) {
	for _, test := range []struct {
		name string
		in   labels
		env  map[string]string
		here bool
		want string
	}{
		{"nothing is known", labels{}, nil, false, ""},
		{"on this machine", labels{}, nil, true, "environment=local"},
		{"GitHub", labels{}, map[string]string{"GITHUB_SHA": "abc", "GITHUB_REF_NAME": "main"}, false, "branch=main version=abc"},
		{"GitHub, a tag", labels{}, map[string]string{"GITHUB_SHA": "abc", "GITHUB_REF_NAME": "v2", "GITHUB_REF_TYPE": "tag"}, false, "branch=v2 version=v2"},
		{"GitHub, a pull request", labels{}, map[string]string{"GITHUB_SHA": "abc", "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "faster"}, false, "branch=faster version=abc"},
		{"a branch that is too long for a label", labels{}, map[string]string{"GITHUB_SHA": "abc", "GITHUB_REF_NAME": strings.Repeat("x", 244)}, false, "version=abc"},
		{"GitLab", labels{}, map[string]string{"CI_COMMIT_SHA": "abc", "CI_COMMIT_REF_NAME": "main", "CI_ENVIRONMENT_NAME": "staging"}, false, "branch=main environment=staging version=abc"},
		{"CodeBuild", labels{}, map[string]string{"CODEBUILD_RESOLVED_SOURCE_VERSION": "abc"}, false, "version=abc"},
		{"our own variables count more", labels{}, map[string]string{"GITHUB_SHA": "abc", "FIREDRILL_RELEASE": "v3", "FIREDRILL_ENVIRONMENT": "prod"}, true, "environment=prod version=v3"},
		{"flags count most", labels{pairs: []string{"version=v4", "env=eu", "team=shop"}, environment: "us"}, map[string]string{"GITHUB_SHA": "abc"}, true, "environment=us team=shop version=v4"},
	} {
		got, err := test.in.all(func(name string) string { return test.env[name] }, test.here)
		if err != nil {
			t.Error(test.name, err)
		}
		want := map[string]string{}
		for _, pair := range strings.Fields(test.want) {
			name, value, _ := strings.Cut(pair, "=")
			want[name] = value
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", test.name, got, want)
		}
	}
	for _, pair := range []string{"", "a", "=b", "a=", "a= ", "A=b", "1=b", "a b=c", "a=\x1b[2J", "a=" + strings.Repeat("x", 201)} {
		in := labels{pairs: []string{pair}}
		if got, err := in.all(func(string) string { return "" }, false); err == nil {
			t.Errorf("%q became %v", pair, got)
		}
	}
}

func FuzzLabel(f *testing.F) {
	for _, pair := range []string{"version=v1", "env=prod", "a==b", "=", "x=\x00"} {
		f.Add(pair)
	}
	f.Fuzz(func(t *testing.T, pair string) {
		in := labels{pairs: []string{pair}}
		got, err := in.all(func(string) string { return "" }, false)
		if err != nil {
			return
		}
		for name, value := range got {
			if !labelName.MatchString(name) || value == "" || strings.ContainsAny(value, "\n\r\x1b") {
				t.Errorf("%q became %q=%q", pair, name, value)
			}
		}
	})
}

// An experiment is the same wherever its repository is, and from whatever folder it is run.
func TestIdentity(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{".git", "drills/slow"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "drills"))
	for _, file := range []string{"slow/a.yaml", "./slow/../slow/a.yaml", filepath.Join(root, "drills/slow/a.yaml")} {
		if got := identity(file); got != "drills/slow/a.yaml" {
			t.Errorf("%s is known as %s", file, got)
		}
	}
	if err := os.Remove(filepath.Join(root, ".git")); err != nil {
		t.Fatal(err)
	}
	if got := identity("slow/a.yaml"); got != "slow/a.yaml" {
		t.Error("without a repository the working folder counts, got", got)
	}
	if got := identity("../a.yaml"); !filepath.IsAbs(got) {
		t.Error("elsewhere, got", got)
	}
}
