package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const kit = "github.com/example/kit"

// kitFiles is a repository with three released modules on three levels, and one module that is never released.
var kitFiles = map[string]string{
	"CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n### Added\n\n## 0.1.0 - 2026-11-30\n\n### Added\n\n- everything\n",
	"go.mod":       "module " + kit + "\n\ngo 1.26.0\n",
	"kit.go":       "// Package kit is the root.\npackage kit\n\n// Name is a name.\nconst Name = \"kit\"\n",
	"adapters/one/go.mod": "module " + kit + "/adapters/one\n\ngo 1.26.0\n\nrequire " + kit + " v0.0.0\n\n" +
		"replace " + kit + " => ../..\n",
	"adapters/one/one.go": "// Package one is an adapter.\npackage one\n\nimport \"" + kit + "\"\n\n// Name is a name.\nconst Name = kit.Name\n",
	"cmd/tool/go.mod": "module " + kit + "/cmd/tool\n\ngo 1.26.0\n\nrequire (\n\t" + kit + " v0.0.0\n\t" + kit + "/adapters/one v0.0.0\n)\n\n" +
		"replace (\n\t" + kit + " => ../..\n\t" + kit + "/adapters/one => ../../adapters/one\n)\n",
	"cmd/tool/main.go": "// Tool prints a name.\npackage main\n\nimport (\n\t\"fmt\"\n\n\t\"" + kit + "\"\n\t\"" + kit + "/adapters/one\"\n)\n\n" +
		"func main() { fmt.Println(kit.Name, one.Name) }\n",
	"examples/go.mod": "module " + kit + "/examples\n\ngo 1.26.0\n\nrequire " + kit + " v0.0.0\n\n" +
		"require " + kit + "/adapters/one v0.0.0\n\nreplace " + kit + " => ..\n\nreplace " + kit + "/adapters/one => ../adapters/one\n",
	"examples/main.go": "// Examples uses an adapter.\npackage main\n\nimport _ \"" + kit + "/adapters/one\"\n\nfunc main() {}\n",
}

var kitModules = []string{".", "./adapters/one", "./cmd/tool"}

// newKit returns a committed repository with kitFiles, changed by change. It fetches nothing from the network.
func newKit(t *testing.T, change func(files map[string]string)) repository {
	t.Helper()
	files := make(map[string]string)
	for name, text := range kitFiles {
		files[name] = text
	}
	files["examples/go.mod"] = strings.Replace(files["examples/go.mod"], "require "+kit+" v0.0.0\n", "require "+kit+" v0.0.0 // indirect\n", 1)
	if change != nil {
		change(files)
	}
	r := repository{dir: t.TempDir()}
	for name, text := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, r, "init", "-q", "-b", "main")
	git(t, r, "config", "user.name", "Test")
	git(t, r, "config", "user.email", "test@example.com")
	git(t, r, "add", "--all")
	git(t, r, "commit", "-q", "-m", "kit: begin")
	return r
}

func git(t *testing.T, r repository, args ...string) string {
	t.Helper()
	out, err := r.git(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReleaseTagsEachLevelAndKeepsTheReplaceDirectives(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	r := newKit(t, nil)
	var out bytes.Buffer
	o := options{dir: r.dir, version: "v0.1.0", checks: "test -f CHANGELOG.md", modules: kitModules}

	dry := o
	dry.dryRun = true
	if err := release(t.Context(), dry, &out); err != nil {
		t.Fatalf("dry run: %v\n%s", err, &out)
	}
	if tags := git(t, r, "tag"); tags != "" {
		t.Fatalf("a dry run created the tags %q", tags)
	}

	out.Reset()
	if err := release(t.Context(), o, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	wantCommits := []string{
		"release: restore the replace directives after v0.1.0",
		"release: require v0.1.0 in cmd/tool",
		"release: require v0.1.0 in adapters/one",
		"kit: begin",
	}
	if diff := cmp.Diff(wantCommits, strings.Split(git(t, r, "log", "--format=%s"), "\n")); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
	for tag, commit := range map[string]string{"v0.1.0": "kit: begin", "adapters/one/v0.1.0": wantCommits[2], "cmd/tool/v0.1.0": wantCommits[1]} {
		if subject := git(t, r, "log", "-1", "--format=%s", tag); subject != commit {
			t.Errorf("%s is the tag of %q, want %q", tag, subject, commit)
		}
	}
	tagged := git(t, r, "show", "cmd/tool/v0.1.0:cmd/tool/go.mod")
	if strings.Contains(tagged, "replace") || strings.Count(tagged, " v0.1.0") != 2 {
		t.Errorf("the tagged cmd/tool/go.mod has replace directives or other versions:\n%s", tagged)
	}
	for name := range kitFiles {
		if now := git(t, r, "show", "HEAD:"+name) + "\n"; strings.HasSuffix(name, "go.mod") && now != strings.ReplaceAll(git(t, r, "show", "v0.1.0:"+name)+"\n", " v0.0.0", " v0.1.0") {
			t.Errorf("%s differs from the released commit in more than the version:\n%s", name, now)
		}
	}
	if status := git(t, r, "status", "--porcelain"); status != "" {
		t.Errorf("the release left changes:\n%s", status)
	}
	wantPush := "git push --atomic origin HEAD v0.1.0 adapters/one/v0.1.0\n    git push origin cmd/tool/v0.1.0\n"
	if !strings.HasSuffix(out.String(), wantPush) {
		t.Errorf("the output does not end with %q:\n%s", wantPush, &out)
	}

	if err := release(t.Context(), o, &out); err == nil || !strings.Contains(err.Error(), "the tag v0.1.0 exists already") {
		t.Errorf("the second release of v0.1.0 returned %v", err)
	}
}

func TestReleaseIsRejected(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	for _, test := range []struct {
		name    string
		version string                        // empty: v0.1.0
		checks  string                        // the command that checks the clone
		files   func(files map[string]string) // changes the committed files
		dirty   string                        // a file that is not committed
		tag     string                        // a tag that exists
		want    string                        // part of the error
	}{
		{name: "version without v", version: "0.1.0", want: `VERSION is "0.1.0"`},
		{name: "empty version", version: " ", want: "VERSION is"},
		{name: "version with two parts", version: "v0.1", want: "VERSION is"},
		{name: "version with a leading zero", version: "v0.01.0", want: "VERSION is"},
		{name: "version with build metadata", version: "v0.1.0+1", want: "VERSION is"},
		{name: "major version 2", version: "v2.0.0", want: "major version 0 or 1"},
		{name: "version that is an option", version: "--force", want: "VERSION is"},
		{name: "new file", dirty: "new.go", want: "new.go"},
		{name: "changed file", dirty: "kit.go", want: "kit.go"},
		{name: "tag of the root", tag: "v0.1.0", want: "the tag v0.1.0 exists already"},
		{name: "tag of a nested module", tag: "cmd/tool/v0.1.0", want: "the tag cmd/tool/v0.1.0 exists already"},
		{name: "no section", version: "v0.2.0", want: `the heading "## 0.2.0 - YYYY-MM-DD"`},
		{name: "section without entries", want: "no section with entries", files: func(files map[string]string) {
			files["CHANGELOG.md"] = "## 0.1.0 - 2026-11-30\n\n## 0.0.9 - 2026-01-01\n\n- old\n"
		}},
		{name: "section of a longer version", want: "no section with entries", files: func(files map[string]string) {
			files["CHANGELOG.md"] = "## 0.1.0-rc.1 - 2026-11-30\n\n- new\n"
		}},
		{name: "section without a date", want: "no section with entries", files: func(files map[string]string) {
			files["CHANGELOG.md"] = "## 0.1.0\n\n- new\n"
		}},
		{name: "entries under Unreleased", want: "entries under Unreleased", files: func(files map[string]string) {
			files["CHANGELOG.md"] = "## Unreleased\n\n- later\n\n## 0.1.0 - 2026-11-30\n\n- new\n"
		}},
		{name: "failing checks", checks: "echo broken; exit 3", want: "the checks failed"},
		{name: "cycle", want: "form a cycle", files: func(files map[string]string) {
			files["go.mod"] += "\nrequire " + kit + "/cmd/tool v0.0.0\n"
		}},
		{name: "requirement of a module without a tag", want: "not all released", files: func(files map[string]string) {
			files["adapters/one/go.mod"] += "\nrequire " + kit + "/examples v0.0.0\n"
		}},
		{name: "go.mod that is not tidy", want: "run make tidy", files: func(files map[string]string) {
			files["cmd/tool/main.go"] = "package main\n\nimport _ \"" + kit + "\"\n\nfunc main() {}\n"
		}},
		{name: "module that needs a file outside of it", want: "no such file or directory|cannot find|pattern", files: func(files map[string]string) {
			files["kit.go"] = "package kit\n\nimport _ \"embed\"\n\n//go:embed adapters/one/one.go\nvar Name string\n"
		}},
		{name: "command without help", want: "exit status 7", files: func(files map[string]string) {
			files["cmd/tool/main.go"] = "package main\n\nimport (\n\t\"os\"\n\n\t_ \"" + kit + "\"\n\t_ \"" + kit + "/adapters/one\"\n)\n\nfunc main() { os.Exit(7) }\n"
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newKit(t, test.files)
			if test.dirty != "" {
				if err := os.WriteFile(filepath.Join(r.dir, test.dirty), []byte("package kit\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if test.tag != "" {
				git(t, r, "tag", test.tag)
			}
			before := git(t, r, "for-each-ref")
			version := "v0.1.0"
			if test.version != "" {
				version = test.version
			}
			err := release(context.WithoutCancel(t.Context()), options{dir: r.dir, version: version, checks: test.checks, modules: kitModules}, &bytes.Buffer{})
			contains := func(part string) bool { return err != nil && strings.Contains(err.Error(), part) }
			if !slices.ContainsFunc(strings.Split(test.want, "|"), contains) {
				t.Errorf("release returned %v, want an error with %q", err, test.want)
			}
			if after := git(t, r, "for-each-ref"); after != before {
				t.Errorf("a rejected release changed the repository:\n%s\nwas:\n%s", after, before)
			}
		})
	}
}
