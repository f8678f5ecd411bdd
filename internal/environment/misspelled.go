package environment

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ofTests begins the names of variables that tests of the kit pass to processes that they start.
const ofTests = Prefix + "TEST_"

// ofCluster matches the names that Kubernetes sets in every container for a service that is called bearerkit.
var ofCluster = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// misspelled returns a fault for each variable that is set, is not known, and whose name looks like that of a known one. A
// setting in such a variable would be ignored silently, and it may be one that makes verification stricter.
func (r *Reader) misspelled() (faults []Fault) {
	known := make(map[string]string) // the name by its folded form
	for _, v := range Variables() {
		known[fold(v.Name)] = v.Name
	}
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		if known[fold(name)] == name || strings.HasPrefix(name, ofTests) || ofCluster.MatchString(name) {
			continue
		}
		if meant := similar(fold(name), known); meant != "" {
			faults = append(faults, Fault{Variable: printable(name), Problem: "is not a known variable, expected " + meant + ": correct or remove it"})
		}
	}
	return faults
}

// printable returns name with escape sequences for characters that are invisible or control a terminal.
func printable(name string) string { return strings.Trim(strconv.QuoteToASCII(name), `"`) }

// fold returns the letters and digits of name in upper case. Differences in case and in underscores are then none.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z':
			return c - 'a' + 'A'
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			return c
		}
		return -1
	}, name)
}

// similar returns the known name that the folded name was probably meant to be, or "". Names of the kit may also have
// additional words, such as BEARERKIT_ISSUER_URL. Names of crossauth may not, because crossauth has many more variables than
// those in the list.
func similar(name string, known map[string]string) string {
	best, least := "", 3
	for _, folded := range slices.Sorted(maps.Keys(known)) {
		limit := 2
		if len(folded) < len("BEARERKIT")+6 { // short names have many neighbors
			limit = 1
		}
		if distance := EditDistance(name, folded); distance <= limit && distance < least {
			best, least = known[folded], distance
		}
	}
	if best != "" || !strings.HasPrefix(name, fold(Prefix)) {
		return best
	}
	for folded, full := range known {
		if strings.HasPrefix(name, folded) && len(full) > len(best) {
			best = full
		}
	}
	return best
}

// EditDistance returns the number of inserted, deleted, replaced or swapped characters between a and b, or a greater number
// than 2 if there are more than 2.
func EditDistance(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 3
	}
	var before []int // two rows above
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j]+cost, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
