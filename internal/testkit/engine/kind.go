package engine

import (
	"os/exec"
	"path/filepath"
	"slices"
)

// Kind is a program that this package can start. Its value is the name that test names and messages use.
type Kind string

// The kinds.
const (
	PostgreSQL Kind = "PostgreSQL"
	MariaDB    Kind = "MariaDB"
	Redis      Kind = "Redis"
)

// flavor is what differs between the kinds.
type flavor interface {
	missing() string            // the name of a program that is not installed, or empty
	account() string            // the user that runs the server if the tests run as root
	create(s *Server) error     // writes the files of a new server
	command(s *Server) []string // starts the server
	ready(s *Server, pid int) bool
	database(s *Server, name string) error
	dsn(addr, database string) string
	admin(s *Server, statements string) (string, error)
	readOnly(on bool) string // the statements
}

func (k Kind) flavor() flavor {
	switch k {
	case PostgreSQL:
		return postgres{}
	case MariaDB:
		return mariadb{}
	default:
		return redis{}
	}
}

// program returns the path of a program in PATH or in one of more folders, which may be patterns. Later folders win over
// earlier ones of the same pattern, because they have the higher version. It returns the empty string if there is none.
func program(name string, folders ...string) string {
	for _, folder := range folders {
		found, _ := filepath.Glob(filepath.Join(folder, name)) // fails only if the pattern is malformed
		if len(found) > 0 {
			return slices.Max(found)
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// firstMissing returns the first name whose path is empty.
func firstMissing(paths map[string]string) string {
	for name, path := range paths {
		if path == "" {
			return name
		}
	}
	return ""
}
