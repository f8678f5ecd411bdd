package crossauth

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// parseBool reads a column of truth values, which are numbers in SQLite and MariaDB. The type BIT of MariaDB has one byte.
func parseBool(c cell) (value, ok bool) {
	if c == nil {
		return false, false
	}
	switch strings.ToLower(*c) {
	case "1", "true", "t", "\x01":
		return true, true
	case "0", "false", "f", "\x00":
		return false, true
	}
	return false, false
}

// parseTime reads a column of times. SQLite has no type for them: TypeScript stores milliseconds since 1970, and Python seconds
// with a fraction, or text. A time without a zone is one of zone. "infinity" of PostgreSQL is the zero time.
func parseTime(text string, zone *time.Location) (time.Time, bool) {
	if text == "infinity" {
		return time.Time{}, true
	}
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return timeOfNumber(number)
	}
	for _, layout := range []string{
		"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", time.RFC3339Nano,
	} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, isDate(t)
		}
	}
	return time.Time{}, false
}

// Numbers from smallestMillis on are milliseconds. As seconds, they would be in the year 5138.
const smallestMillis = 100_000_000_000

// timeOfNumber returns the time of a number of seconds or milliseconds since 1970.
func timeOfNumber(number float64) (time.Time, bool) {
	if math.IsNaN(number) || number < 0 || number > smallestMillis*smallestMillis {
		return time.Time{}, false
	}
	seconds := number
	if number >= smallestMillis {
		seconds = number / 1000
	}
	if seconds > math.MaxInt32*1000 {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	t := time.Unix(int64(whole), int64(fraction*1e9))
	return t, isDate(t)
}

// isDate reports whether a time is plausible.
func isDate(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 9999 }

// shown returns a value for the report: quoted, and at most 100 bytes long.
func shown(text string) string {
	const most = 100
	if len(text) <= most {
		return strconv.Quote(text)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%q… (%d bytes)", text[:cut], len(text))
}

// shownCell returns a value that may be NULL for the report.
func shownCell(c cell) string {
	if c == nil {
		return "NULL"
	}
	return shown(*c)
}

// shownURI returns a URI for the report, without the parts that may contain secrets: user information, query and fragment.
func shownURI(c cell) string {
	if c == nil {
		return "NULL"
	}
	u, err := url.Parse(*c)
	if err != nil {
		return fmt.Sprintf("a text of %d bytes that is not a URI", len(*c))
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment, u.ForceQuery = nil, "", "", "", false
	if u.Opaque != "" {
		u.Opaque = "…"
	}
	return shown(u.String())
}
