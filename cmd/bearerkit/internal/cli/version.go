package cli

import (
	"runtime/debug"
	"strings"
)

// version returns the version of the program, the commit that it was built from, and the version of Go, as far as the build
// recorded them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	parts := []string{info.Main.Version}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision" && !strings.Contains(info.Main.Version, short(setting.Value)):
			parts = append(parts, short(setting.Value))
		case setting.Key == "vcs.modified" && setting.Value == "true" && !strings.HasSuffix(info.Main.Version, "+dirty"):
			parts = append(parts, "modified")
		}
	}
	return strings.Join(append(parts, info.GoVersion), " ")
}

// short returns the first 12 characters of a revision, as in pseudo-versions.
func short(revision string) string { return revision[:min(len(revision), 12)] }
