// Package environment reads configuration from environment variables: those of the kit, whose names start with BEARERKIT_,
// and those of crossauth, whose names start with CROSSAUTH_. It has the list of all variables, the forms of their values, and
// the search for misspelled names. It never calls the operating system: a [Reader] gets the variables from its caller.
//
// An empty variable counts as not set. Every mistake becomes a [Fault], and reading continues, so that all mistakes are
// reported together. No fault contains the value of a variable that is marked as secret in the list.
package environment

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// The beginnings of the names.
const (
	Prefix          = "BEARERKIT_" // of the kit
	CrossauthPrefix = "CROSSAUTH_" // of crossauth
)

// A Reader reads the variables of one configuration and collects the faults in them. It is for one goroutine.
type Reader struct {
	values map[string]string
	faults []Fault
}

// Fault is a mistake in a variable.
type Fault struct {
	Variable string // the full name
	Problem  string // what is wrong, what is expected, and how to correct it
	Err      error  // the cause; nil if Problem says it all
}

// NewReader returns a Reader of environ, which has the form of [os.Environ].
func NewReader(environ []string) *Reader {
	r := &Reader{values: make(map[string]string, len(environ))}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			r.values[name] = value
		}
	}
	return r
}

// IsSet reports whether the variable is set to a value that is not empty.
func (r *Reader) IsSet(name string) bool { return r.values[name] != "" }

// Fail records a fault.
func (r *Reader) Fail(variable, problem string, cause error) {
	r.faults = append(r.faults, Fault{Variable: variable, Problem: problem, Err: cause})
}

// Require records a fault if none of the variables is set. The fault names the first one.
func (r *Reader) Require(names ...string) {
	for _, name := range names {
		if r.IsSet(name) {
			return
		}
	}
	problem := "is required"
	for _, name := range slices.Backward(names[1:]) {
		problem = "or " + name + " " + problem
	}
	r.Fail(names[0], problem, nil)
}

// Exclusive records a fault if more than one of the variables is set.
func (r *Reader) Exclusive(names ...string) {
	if set := r.set(names); len(set) > 1 {
		r.Fail(set[0], "and "+strings.Join(set[1:], " and ")+" must not be set together, expected only one of them", nil)
	}
}

// set returns those of the variables that are set.
func (r *Reader) set(names []string) (set []string) {
	for _, name := range names {
		if r.IsSet(name) {
			set = append(set, name)
		}
	}
	return set
}

// Faults returns the faults that were found, and then those of names that look misspelled.
func (r *Reader) Faults() []Fault { return append(r.faults, r.misspelled()...) }

// From is one variable of a setting and the function that reads its value. The text of the error of Parse says what was
// expected. It must not contain the value.
type From[T any] struct {
	Name  string
	Parse func(value string) (T, error)
}

// Get returns the value of a setting that may come from several variables. It returns the zero value if none is set. If two
// of them have different values, Get records a fault, because it would be unclear which one applies.
func Get[T any](r *Reader, sources ...From[T]) T {
	var value T
	var first string
	for _, source := range sources {
		found, ok := parse(r, source)
		switch {
		case !ok:
		case first == "":
			value, first = found, source.Name
		case !reflect.DeepEqual(value, found):
			r.Fail(first, "and "+source.Name+" are both set and differ, expected the same value or only one of them", nil)
		}
	}
	return value
}

// parse returns the value of one variable. It reports false if the variable is not set or has a fault.
func parse[T any](r *Reader, source From[T]) (value T, ok bool) {
	text := r.values[source.Name]
	if text == "" {
		return value, false
	}
	known := lookup(source.Name)
	if problem := untidy(text, known); problem != "" {
		r.Fail(source.Name, problem, nil)
		return value, false
	}
	value, err := source.Parse(text)
	if err != nil {
		r.Fail(source.Name, received(text, known)+err.Error(), nil)
		return value, false
	}
	return value, true
}

// Text returns the value of a setting that is a text.
func (r *Reader) Text(names ...string) string {
	sources := make([]From[string], 0, len(names))
	for _, name := range names {
		sources = append(sources, From[string]{name, Text})
	}
	return Get(r, sources...)
}

// List returns the elements of a list.
func (r *Reader) List(name string) []string { return Get(r, From[[]string]{name, List}) }

// Bool returns the value of a switch.
func (r *Reader) Bool(name string) bool { return Get(r, From[bool]{name, Bool}) }

// Int returns a whole number from lowest to highest, or zero if the variable is not set.
func (r *Reader) Int(name string, lowest, highest int) int {
	return Get(r, From[int]{name, Int(lowest, highest)})
}

// Duration returns a duration from lowest to highest, or zero if the variable is not set.
func (r *Reader) Duration(name string, lowest, highest time.Duration) time.Duration {
	return Get(r, From[time.Duration]{name, Duration(lowest, highest)})
}

const maxSkew = 5 * time.Minute // as in consumer.Config and client.Config

// Skew returns the tolerated difference of clocks for a field in which zero means the default and a negative value means
// none. The value 0 of a variable means none.
func (r *Reader) Skew() time.Duration {
	return Get(r, From[time.Duration]{Prefix + "CLOCK_SKEW", NoneIfZero(Duration(0, maxSkew))},
		From[time.Duration]{CrossauthPrefix + "OAUTH_CLOCK_TOLERANCE", NoneIfZero(Seconds(maxSkew))})
}
