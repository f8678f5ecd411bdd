package bounded_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/internal/bounded"
)

func wantHeld(t *testing.T, m *bounded.Map[int, string], held map[int]string) {
	t.Helper()
	for key, want := range held {
		if got, ok := m.Get(key); got != want || ok != (want != "") {
			t.Errorf("Get(%d) = %q, %v, want %q", key, got, ok, want)
		}
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	m := bounded.New[int, string](2)
	wantHeld(t, m, map[int]string{1: ""})
	m.Remove(1)
	m.Add(1, "a")
	m.Add(2, "b")
	m.Add(2, "B")
	wantHeld(t, m, map[int]string{1: "a", 2: "B"})
	m.Remove(1)
	wantHeld(t, m, map[int]string{1: "", 2: "B"})
	m.Add(3, "c")
	wantHeld(t, m, map[int]string{2: "B", 3: "c"})
}

func TestMap_UsedEntriesStay(t *testing.T) {
	t.Parallel()
	const size = 100
	m := bounded.New[int, string](size)
	m.Add(0, "used")
	for key := 1; key < 100*size; key++ {
		m.Add(key, "once")
		if _, ok := m.Get(0); !ok {
			t.Fatalf("after %d others, the entry in use is gone", key)
		}
	}
}

func TestMap_OldestUnusedEntryIsDropped(t *testing.T) {
	t.Parallel()
	m := bounded.New[int, string](3)
	m.Add(1, "a")
	m.Add(2, "b")
	m.Add(3, "c")
	m.Add(4, "d")
	wantHeld(t, m, map[int]string{1: "", 2: "b", 3: "c", 4: "d"})
}

// If all entries are in use, one of them is dropped for a new one.
func TestMap_IsBounded(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 63, 64, 65, 200} {
		m := bounded.New[int, string](size)
		for key := range 5 * size {
			m.Add(key, "x")
			if held := countHeld(m, key+1); held != min(key+1, size) {
				t.Fatalf("size %d holds %d of %d", size, held, key+1)
			}
		}
	}
}

// countHeld also uses all that is held.
func countHeld(m *bounded.Map[int, string], keys int) (held int) {
	for key := range keys {
		if _, ok := m.Get(key); ok {
			held++
		}
	}
	return held
}

func TestMap_RemovedPlacesAreUsedAgain(t *testing.T) {
	t.Parallel()
	const size = 10
	m := bounded.New[int, string](size)
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		key := random.IntN(3 * size)
		if random.IntN(3) == 0 {
			m.Remove(key)
			if _, ok := m.Get(key); ok {
				t.Fatal("a removed entry is held")
			}
			continue
		}
		m.Add(key, "x")
		if _, ok := m.Get(key); !ok {
			t.Fatal("a new entry is not held")
		}
		if held := countHeld(m, 3*size); held > size {
			t.Fatalf("%d entries are held", held)
		}
	}
}

// What is removed makes room: nothing else has to go for what is added next.
func TestMap_RemoveMakesRoom(t *testing.T) {
	t.Parallel()
	m := bounded.New[int, string](3)
	m.Add(1, "a")
	m.Add(2, "b")
	for key := 3; key < 10; key++ {
		m.Add(key, "x")
		m.Remove(key)
	}
	wantHeld(t, m, map[int]string{1: "a", 2: "b", 9: ""})
}

// A value that is replaced is there all the time.
func TestMap_ReplacingKeepsOtherEntries(t *testing.T) {
	t.Parallel()
	const size = 8 // some keys will share a chain
	m := bounded.New[int, string](size)
	replace := func() {
		for key := range size {
			m.Add(key, "x")
		}
	}
	replace()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50_000 {
			replace()
		}
	}()
	for {
		if held := countHeld(m, size); held != size {
			t.Fatalf("%d are held, want %d", held, size)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestMap_ConcurrentUse(t *testing.T) {
	t.Parallel()
	const size = 50
	m := bounded.New[int, int](size)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 0))
			for range 5000 {
				key := random.IntN(2 * size)
				switch random.IntN(8) {
				case 0:
					m.Add(key, -key)
				case 1:
					m.Remove(key)
				default:
					if value, ok := m.Get(key); ok && value != -key {
						t.Errorf("%d has the value of another key, %d", key, value)
					}
				}
			}
		})
	}
	all.Wait()
	held := 0
	for key := range 2 * size {
		if _, ok := m.Get(key); ok {
			held++
		}
	}
	if held > size {
		t.Errorf("%d entries are held", held)
	}
}

func TestMap_GetAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations are counted
	m := bounded.New[[16]byte, string](10)
	m.Add([16]byte{1}, "x")
	for _, key := range [][16]byte{{1}, {2}} {
		if got := testing.AllocsPerRun(100, func() { m.Get(key) }); got != 0 {
			t.Errorf("%v allocations", got)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	m := bounded.New[[16]byte, string](10_000)
	for key := range 10_000 {
		m.Add([16]byte{byte(key), byte(key >> 8)}, "x")
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok := m.Get([16]byte{1}); !ok {
				b.Error("not held")
			}
		}
	})
}

// A full map whose entries are all in use.
func BenchmarkAdd(b *testing.B) {
	const size = 10_000
	m := bounded.New[[16]byte, string](size)
	key := 0
	for b.Loop() {
		k := [16]byte{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)}
		m.Add(k, "x")
		m.Get(k)
		key++
	}
}

func TestMap_RemoveFunc(t *testing.T) {
	t.Parallel()
	m := bounded.New[int, string](4)
	odd := func(key int, _ string) bool { return key%2 == 1 }
	if removed := m.RemoveFunc(odd); removed != 0 {
		t.Errorf("an empty Map: removed %d", removed)
	}
	for key := range 4 {
		m.Add(key, "x")
	}
	if removed := m.RemoveFunc(odd); removed != 2 {
		t.Errorf("removed %d, want 2", removed)
	}
	wantHeld(t, m, map[int]string{0: "x", 1: "", 2: "x", 3: ""})
	m.Add(5, "y")
	wantHeld(t, m, map[int]string{0: "x", 2: "x", 5: "y"})
	removed := m.RemoveFunc(func(key int, _ string) bool {
		m.Add(6, "z") // match is called without the lock
		return key == 5
	})
	if removed != 1 {
		t.Errorf("removed %d, want 1", removed)
	}
	wantHeld(t, m, map[int]string{5: "", 6: "z"})
}
