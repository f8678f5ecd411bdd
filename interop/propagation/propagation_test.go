package propagation_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/store"
)

var (
	update = flag.Bool("update", false, "measure many rounds, and write the figures into docs/scaling.md")
	rounds = flag.Int("rounds", 100, "rounds of each measurement with -update")
	denied = flag.Int("denied", 100_000, "entries of each store with -update")
	cached = flag.Int("cached", 10_000, "tokens in the cache of each process with -update")
)

const (
	numProcesses = 3
	maxWait      = time.Minute // for a rejection; much longer than the bound
)

// measurements are the rows of the table.
func measurements() []measurement {
	return []measurement{
		{title: "Redis", backend: redisServer},
		{title: "Redis, and the message is lost", backend: redisServer, lost: true},
		{title: "PostgreSQL", backend: postgres},
		{title: "MariaDB", backend: mariadb},
		{title: "SQLite", backend: sqliteFile},
	}
}

// measurement is a row of the table.
type measurement struct {
	title   string
	backend backend
	lost    bool // the message about the denial does not reach any process

	times []time.Duration // from the end of DenyToken to the first rejection by the last process
	saves []time.Duration // of DenyToken
}

// needServers skips a test unless it measures, or all services are required: it starts servers and several processes.
func needServers(t *testing.T) {
	t.Helper()
	if !*update && (os.Getenv("BEARERKIT_REQUIRE_SERVICES") != "1" || testing.Short()) {
		t.Skip("starts servers and processes: run make interop or make propagation")
	}
}

// A token that is denied in one process is rejected by all others, although they have cached it.
func TestPropagation(t *testing.T) {
	needServers(t)
	if !*update {
		t.Parallel()
	}
	rows := measurements()
	t.Run("stores", func(t *testing.T) {
		for i := range rows {
			t.Run(rows[i].title, func(t *testing.T) {
				if !*update { // measurements run one after the other
					t.Parallel()
				}
				rows[i].run(t)
			})
		}
	})
	if *update && !t.Failed() {
		head := fmt.Sprintf("| store | denying takes (median) | median | 90 %% | 99 %% | longest of %d | bound |\n|---|---|---|---|---|---|---|\n", *rounds)
		writeTable(t, "propagation", head, rows)
	}
}

// run starts the processes, and denies tokens.
func (m *measurement) run(t *testing.T) {
	address := m.backend.database(t)
	shared, err := m.backend.open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shared.close)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: audience, Algorithms: []string{"ES256"}})
	var processes []*process
	for range numProcesses {
		processes = append(processes, startProcess(t, job{m.backend, address, issuer.JWKS()}))
	}
	count := 2
	if *update {
		count = *rounds
		fill(t, issuer, processes)
		sleep(t, 12*time.Second) // sqlstore drops everything 11 s after the start
	}
	for len(m.times) < count {
		m.round(t, issuer, shared, processes)
		// The processes poll, and pause after each drop. A random pause makes the rounds independent of that.
		sleep(t, mathrand.N(300*time.Millisecond))
	}
	slices.Sort(m.times)
	slices.Sort(m.saves)
	t.Logf("%s", m)
}

// fill adds tokens to the caches of the processes.
func fill(t *testing.T, issuer *bearertest.Issuer, processes []*process) {
	t.Helper()
	for range *cached {
		token := issuer.AccessToken().Set("jti", rand.Text()).Set("sid", rand.Text()).Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
		for _, p := range processes {
			if status, err := p.send(t.Context(), token); err != nil || status != http.StatusOK {
				t.Fatalf("a valid token: %d, %v", status, err)
			}
		}
	}
}

// round denies one token that all processes have cached, and waits until the last of them rejects it.
func (m *measurement) round(t *testing.T, issuer *bearertest.Issuer, shared *opened, processes []*process) {
	t.Helper()
	jti := rand.Text()
	token := issuer.AccessToken().Set("jti", jti).Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
	for _, p := range processes {
		if status, err := p.send(t.Context(), token); err != nil || status != http.StatusOK {
			t.Fatalf("a valid token: %d, %v", status, err)
		}
	}
	var start, end time.Time
	deny := func() {
		start = time.Now()
		if err := (store.DenyList{Storage: shared.storage}).DenyToken(t.Context(), issuerURL, jti, start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		end = time.Now()
	}
	counts := true
	if m.lost {
		counts = shared.loseMessages(t, deny)
	} else {
		deny()
	}
	last := awaitRejection(t, end, token, processes)
	if counts {
		m.times, m.saves = append(m.times, last), append(m.saves, end.Sub(start))
	}
}

// awaitRejection sends the token to each process until it rejects it. It returns how long after start the last process has
// received the first request that it rejected.
func awaitRejection(t *testing.T, start time.Time, token string, processes []*process) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	times := make([]time.Duration, len(processes))
	var all sync.WaitGroup
	for i, p := range processes {
		all.Go(func() {
			for {
				sent := time.Since(start)
				status, err := p.send(ctx, token)
				switch {
				case err != nil || status != http.StatusOK && status != http.StatusUnauthorized:
					t.Errorf("process %d: status %d, %v after %v", i, status, err, sent)
					return
				case status == http.StatusUnauthorized:
					times[i] = sent
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return slices.Max(times)
}

// sleep waits for d, or until the test ends.
func sleep(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// String returns the row of the table.
func (m *measurement) String() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds()) }
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %.0f s |", m.title, ms(quantile(m.saves, 0.5)), ms(quantile(m.times, 0.5)),
		ms(quantile(m.times, 0.9)), ms(quantile(m.times, 0.99)), ms(quantile(m.times, 1)), m.backend.bound().Seconds())
}

// quantile returns the smallest value of sorted that is not exceeded by the share q of the values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	i := int(q*float64(len(sorted))+0.9999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
