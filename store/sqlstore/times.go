package sqlstore

import (
	"math"
	"time"
)

// Columns contain times as microseconds since 1970. Integers compare in the same way in all databases, and do not depend on
// time zones or options of the data source name.
const (
	never int64 = math.MaxInt64 // an entry that never expires
	unset int64 = math.MinInt64 // an entry without Before

	// Times before the second second of the year 1 and after the end of the year 9999 are stored as these two. The first second
	// contains the zero time, which has another meaning.
	earliest int64 = -62135596799_000000
	latest   int64 = 253402300799_999999
)

// micros returns t in microseconds since 1970, rounded up.
func micros(t time.Time) int64 {
	switch { // UnixMicro overflows for some times that mean forever
	case t.After(time.UnixMicro(latest)):
		return latest
	case t.Before(time.UnixMicro(earliest)):
		return earliest
	case t.Nanosecond()%int(time.Microsecond) != 0:
		return t.UnixMicro() + 1
	}
	return t.UnixMicro()
}

// stored returns the column of t, which is zero if t is the zero time.
func stored(t time.Time, zero int64) int64 {
	if t.IsZero() {
		return zero
	}
	return micros(t)
}

// timeOf returns the time that stored has converted.
func timeOf(column, zero int64) time.Time {
	if column == zero {
		return time.Time{}
	}
	return time.UnixMicro(column)
}
