package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// versionForm matches the versions that a module path without a major version suffix can have (v0 and v1).
var versionForm = regexp.MustCompile(`^v[01]\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

// preconditions checks everything that can be checked without a clone, and returns the commit of HEAD.
func preconditions(ctx context.Context, r repository, o options) (head string, err error) {
	if !versionForm.MatchString(o.version) {
		return "", fmt.Errorf("release: VERSION is %q, expected the form v0.1.0 with the major version 0 or 1", o.version)
	}
	status, err := r.git(ctx, "status", "--porcelain")
	if err != nil {
		return "", err
	}
	if status != "" {
		return "", fmt.Errorf("release: commit or remove these files first:\n%s", status)
	}
	for _, folder := range o.modules {
		existing, err := r.git(ctx, "tag", "--list", tagOf(folder, o.version))
		if err != nil {
			return "", err
		}
		if existing != "" {
			return "", fmt.Errorf("release: the tag %s exists already", existing)
		}
	}
	changelog, err := os.ReadFile(filepath.Join(r.dir, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	if err := checkChangelog(string(changelog), strings.TrimPrefix(o.version, "v")); err != nil {
		return "", err
	}
	return r.git(ctx, "rev-parse", "HEAD")
}

// checkChangelog checks that the text has a section with entries for the version, and none under Unreleased.
func checkChangelog(text, version string) error {
	sections := make(map[string]bool) // whether a section has entries, by its heading
	heading := ""
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(strings.TrimPrefix(line, "## "))
			sections[heading] = false
		case strings.HasPrefix(line, "- "):
			sections[heading] = true
		}
	}
	if sections["Unreleased"] {
		return fmt.Errorf("release: CHANGELOG.md has entries under Unreleased: move them to the section %s", version)
	}
	dated := regexp.MustCompile(`^` + regexp.QuoteMeta(version) + ` - \d{4}-\d{2}-\d{2}$`)
	for heading, filled := range sections {
		if filled && dated.MatchString(heading) {
			return nil
		}
	}
	return fmt.Errorf("release: CHANGELOG.md has no section with entries and the heading \"## %s - YYYY-MM-DD\"", version)
}

// tagOf returns the tag of a module: the version, with the folder in front unless it is the root module.
func tagOf(folder, version string) string { return path.Join(folder, version) }
