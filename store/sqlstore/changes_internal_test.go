package sqlstore

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/watching"
)

// logTable is a log of changes whose transactions commit in any order.
type logTable struct {
	ids    []int64
	pruned int64
	epoch  string
	copies int64 // how often a backup was restored
}

// from returns what a poll reads.
func (l *logTable) from(floor int64) changes {
	c := changes{pruned: l.pruned, epoch: l.epoch}
	slices.Sort(l.ids)
	for _, id := range l.ids {
		if id > floor && len(c.rows) <= maxChanges+1 {
			c.rows = append(c.rows, change{id, strconv.FormatInt(id, 10), l.copies})
		}
		c.highest = max(c.highest, id)
	}
	return c
}

// step is a poll: after the given ids were committed, it returns keys, and as its result the cause why other keys may have changed.
type step struct {
	commit []int64
	change func(*logTable)
	after  time.Duration
	keys   []string
	result watching.Cause
}

func TestPosition(t *testing.T) {
	t.Parallel()
	many := make([]int64, maxChanges+1)
	for i := range many {
		many[i] = int64(i + 1)
	}
	start := step{result: watching.Started}
	for name, steps := range map[string][]step{
		"changes before the first poll are unknown": {
			{commit: []int64{1, 2}, result: watching.Started}, {}, {commit: []int64{3}, keys: []string{"3"}}, {},
		},
		"commits in the order of the ids": {start, {commit: []int64{1}, keys: []string{"1"}}, {commit: []int64{2, 3}, keys: []string{"2", "3"}}, {}},
		"commits in another order": {
			start,
			{commit: []int64{2}, keys: []string{"2"}},
			{},
			{commit: []int64{1}, keys: []string{"1"}},
			{},
			{commit: []int64{6, 4}, keys: []string{"4", "6"}},
			{commit: []int64{7, 3}, keys: []string{"3", "7"}},
			{commit: []int64{5}, keys: []string{"5"}},
			{},
		},
		"a late commit before the gap is given up": {
			start,
			{commit: []int64{2}, keys: []string{"2"}},
			{after: commitTime, result: watching.Started},
			{after: gapLife - commitTime, commit: []int64{1}, keys: []string{"1"}},
		},
		"a gap is given up": {
			start,
			{commit: []int64{2}, keys: []string{"2"}},
			{after: gapLife + 1, result: watching.Started},
			{commit: []int64{1, 3}, keys: []string{"3"}},
		},
		"transactions that were open at the start": {
			{commit: []int64{5}, result: watching.Started},
			{commit: []int64{4}, after: commitTime - 1},
			{after: 1, result: watching.Started},
			{after: commitTime},
			{},
		},
		"rows were removed before they were read": {
			start,
			{commit: []int64{1}, keys: []string{"1"}},
			{change: func(l *logTable) { l.ids, l.pruned = []int64{5}, 4 }, result: watching.Missed},
			{commit: []int64{6}, keys: []string{"6"}},
		},
		"a row in a gap was removed": {
			start,
			{commit: []int64{3}, keys: []string{"3"}},
			{change: func(l *logTable) { l.ids, l.pruned = []int64{3}, 2 }, result: watching.Missed},
			{},
		},
		"rows were removed after they were read": {
			start,
			{commit: []int64{1, 2}, keys: []string{"1", "2"}},
			{change: func(l *logTable) { l.ids, l.pruned = nil, 2 }},
			{commit: []int64{3}, keys: []string{"3"}},
		},
		"the table was emptied": {
			start,
			{commit: []int64{1, 2}, keys: []string{"1", "2"}},
			{change: func(l *logTable) { l.ids = nil }, result: watching.Lost},
			{commit: []int64{3}, keys: []string{"3"}},
		},
		"an older backup was restored": {
			start,
			{commit: []int64{1, 2, 3}, keys: []string{"1", "2", "3"}},
			{change: func(l *logTable) { l.ids = []int64{1} }, result: watching.Lost},
			{commit: []int64{2}, keys: []string{"2"}},
		},
		"a backup was restored and has new rows": {
			{change: func(l *logTable) { l.epoch = "a" }, result: watching.Started},
			{commit: []int64{1, 2}, keys: []string{"1", "2"}},
			{change: func(l *logTable) { l.epoch = "b" }, commit: []int64{3, 4}, result: watching.Interrupted},
			{commit: []int64{5}, keys: []string{"5"}},
		},
		"a backup was restored, and its new rows have the same ids": {
			start,
			{commit: []int64{1, 2}, keys: []string{"1", "2"}},
			{change: func(l *logTable) { l.copies++ }, result: watching.Lost},
			{},
			{commit: []int64{3}, keys: []string{"3"}},
		},
		"a backup was restored, and its new rows have the same and larger ids": {
			{commit: []int64{1, 2}, result: watching.Started},
			{},
			{change: func(l *logTable) { l.copies++ }, commit: []int64{3, 4}, result: watching.Lost},
			{commit: []int64{5}, keys: []string{"5"}},
			{change: func(l *logTable) { l.ids = []int64{1, 2, 3, 4, 6} }, result: watching.Lost},
			{commit: []int64{7}, keys: []string{"7"}},
		},
		"a backup was restored while there are gaps": {
			start,
			{commit: []int64{1, 3}, keys: []string{"1", "3"}},
			{change: func(l *logTable) { l.copies++ }, commit: []int64{2}, result: watching.Lost},
			{},
		},
		"the epoch is missing for a while": {
			{change: func(l *logTable) { l.epoch = "a" }, result: watching.Started},
			{change: func(l *logTable) { l.epoch = "" }, result: watching.Interrupted},
			{change: func(l *logTable) { l.epoch = "b" }},
			{commit: []int64{1}, keys: []string{"1"}},
		},
		"too many changes": {start, {commit: many, result: watching.Flood}, {}, {commit: []int64{maxChanges + 2}, keys: []string{strconv.Itoa(maxChanges + 2)}}},
		"too many gaps":    {start, {commit: []int64{maxChanges + 2}, result: watching.Flood}, {commit: []int64{maxChanges + 3}, keys: []string{strconv.Itoa(maxChanges + 3)}}},
		"the most gaps": {
			start, {commit: []int64{maxChanges + 1}, keys: []string{strconv.Itoa(maxChanges + 1)}}, {commit: []int64{7}, keys: []string{"7"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p position
			var table logTable
			now := time.Now()
			for i, s := range steps {
				table.ids = append(table.ids, s.commit...)
				if s.change != nil {
					s.change(&table)
				}
				now = now.Add(s.after)
				keys, result := p.advance(table.from(p.floor()), now)
				if diff := cmp.Diff(s.keys, keys); result != s.result || diff != "" {
					t.Fatalf("poll %d: cause %d, want %d; keys (-want +got):\n%s", i, result, s.result, diff)
				}
			}
		})
	}
}
