package environment

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxShown = 60       // bytes of a value in a fault
	maxValue = 64 << 10 // bytes of a value; no setting needs more
	maxItems = 1000     // items of a list
)

// Text returns the value unchanged.
func Text(value string) (string, error) { return value, nil }

// One returns a list with the value as its only element. It is for settings that are lists in the kit and single values in
// crossauth.
func One(value string) ([]string, error) { return []string{value}, nil }

// Split returns the elements of a list, which are separated by spaces, tabs or commas. An empty value has no elements.
func Split(value string) []string {
	return strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
}

// List returns the elements of the value, as [Split] does. A list without elements is an error, and so is one with too many.
func List(value string) ([]string, error) {
	items := Split(value)
	if len(items) == 0 {
		return nil, errors.New("expected a list of values separated by spaces or commas")
	}
	if len(items) > maxItems {
		return nil, fmt.Errorf("expected a list of at most %d values", maxItems)
	}
	return items, nil
}

// Bool accepts only true and false.
func Bool(value string) (bool, error) {
	switch value {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("expected true or false")
}

// CrossauthBool accepts the words that crossauth servers are configured with.
func CrossauthBool(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true", "1", "yes", "on":
		return true, nil
	case "false", "0", "no", "off":
		return false, nil
	}
	return false, errors.New("expected true or false")
}

// Number returns a function that accepts the whole numbers from lowest to highest, in decimal digits.
func Number(lowest, highest int64) func(string) (int64, error) {
	return func(value string) (int64, error) {
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil || number < lowest || number > highest || strings.HasPrefix(value, "+") {
			return 0, fmt.Errorf("expected a whole number from %d to %d", lowest, highest)
		}
		return number, nil
	}
}

// Int is Number for fields of type int.
func Int(lowest, highest int) func(string) (int, error) {
	number := Number(int64(lowest), int64(highest))
	return func(value string) (int, error) {
		found, err := number(value)
		return int(found), err // the bounds are those of int
	}
}

// Duration returns a function that accepts the durations from lowest to highest, in the form of [time.ParseDuration].
func Duration(lowest, highest time.Duration) func(string) (time.Duration, error) {
	return func(value string) (time.Duration, error) {
		found, err := time.ParseDuration(value)
		if err != nil || found < lowest || found > highest {
			return 0, fmt.Errorf("expected a duration from %v to %v with a unit, such as %v", lowest, highest, min(highest, 10*time.Second))
		}
		return found, nil
	}
}

// Seconds is Duration for values in seconds without a unit, as crossauth has them.
func Seconds(highest time.Duration) func(string) (time.Duration, error) {
	number := Number(0, int64(highest/time.Second))
	return func(value string) (time.Duration, error) {
		found, err := number(value)
		if err != nil {
			return 0, fmt.Errorf("expected a number of seconds from 0 to %d, without a unit", int64(highest/time.Second))
		}
		return time.Duration(found) * time.Second, nil
	}
}

// NoneIfZero wraps a function for a field in which zero means the default and a negative value means none. The value 0 of the
// variable then means none.
func NoneIfZero[T int | time.Duration](parse func(string) (T, error)) func(string) (T, error) {
	return func(value string) (T, error) {
		found, err := parse(value)
		if err == nil && found == 0 {
			return -1, nil
		}
		return found, err
	}
}

// Choice returns a function that accepts the keys of values.
func Choice[T any](values map[string]T) func(string) (T, error) {
	return func(value string) (T, error) {
		found, ok := values[value]
		if !ok {
			names := make([]string, 0, len(values))
			for name := range values {
				names = append(names, name)
			}
			slices.Sort(names)
			return found, errors.New("expected one of " + strings.Join(names, ", "))
		}
		return found, nil
	}
}

// Pairs accepts a list of name=value, separated by spaces or tabs. A name must not occur twice. A value with
// another pair after a comma is an error, because a comma may also be a part of a URL.
func Pairs(value string) (map[string]string, error) {
	pairs := make(map[string]string)
	for item := range strings.FieldsSeq(value) {
		name, content, ok := strings.Cut(item, "=")
		if _, duplicate := pairs[name]; !ok || name == "" || content == "" || duplicate || len(pairs) == maxItems || withCommas(content) {
			return nil, errors.New("expected a list of name=value separated by spaces, with each name once")
		}
		pairs[name] = content
	}
	return pairs, nil
}

// withCommas reports whether a value continues with a comma and another pair whose value is a URL.
func withCommas(value string) bool {
	_, rest, found := strings.Cut(value, ",")
	return found && strings.Contains(rest, "=http")
}

// untidy returns what is wrong with the form of a value that was copied incompletely or with its quotation marks. Files of
// variables differ in whether quotation marks are part of the value, and a value with them would silently match nothing.
func untidy(value string, known Variable) string {
	switch {
	case len(value) > maxValue:
		return fmt.Sprintf("has more than %d bytes", maxValue)
	case !utf8.ValidString(value):
		return "is not valid UTF-8"
	case known.MultiLine:
		return ""
	case strings.TrimSpace(value) != value:
		return "starts or ends with white space: remove it"
	case strings.ContainsFunc(value, func(c rune) bool { return (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) && c != '\t' }): // Cf: byte order marks and other invisible characters
		return "contains a line end or another control character: remove it"
	case isQuoted(value) && !known.Quotes, !known.Secret && strings.ContainsAny(value[:1]+value[len(value)-1:], `"'`) && !known.Quotes:
		return "starts or ends with a quotation mark, which is part of the value here: remove it"
	}
	return ""
}

// isQuoted reports whether value is enclosed in quotation marks.
func isQuoted(value string) bool {
	first, last := value[0], value[len(value)-1]
	return len(value) > 1 && first == last && (first == '"' || first == '\'')
}

// received returns the beginning of the text of a fault: the value that was received, unless it may be a secret.
func received(value string, known Variable) string {
	switch {
	case known.Secret, strings.ContainsAny(value, "@?"), strings.Contains(value, "-----"), strings.HasPrefix(value, "eyJ"):
		return "is not valid: "
	case len(value) > maxShown:
		return "is " + strconv.QuoteToASCII(strings.ToValidUTF8(value[:maxShown], "")) + "…, "
	}
	return "is " + strconv.QuoteToASCII(value) + ", "
}
