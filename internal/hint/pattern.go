package hint

import (
	"fmt"
	"regexp"
	"strings"
)

// registered matches the place in the source where a pattern was registered.
var registered = regexp.MustCompile(` \(registered at [^()]*\)`)

// Pattern returns the text of a panic of [net/http.ServeMux.Handle], which says why a pattern is not valid or conflicts with another
// one. It removes the names of source files, which are paths of the machine on which the program was built, and the line break.
func Pattern(fault any) string {
	return strings.ReplaceAll(registered.ReplaceAllString(fmt.Sprint(fault), ""), ":\n", ": ")
}
