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
	update = flag.Bool("update", false, "measure many rounds, and write the figures into docs/scaling.md and docs/revocation.md")
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

// measurement is a row of the table of calls of DenyToken, and of the table of events unless lost is true.
type measurement struct {
	title   string
	backend backend
	lost    bool // the message about the denial does not reach any process

	denials series // from the end of DenyToken to the first rejection by the last process
	events  series // from the POST of an event to the first rejection by the last process
}

// series are the measured times of one way to deny tokens.
type series struct {
	calls []time.Duration // of the call that denies a token
	times []time.Duration // to the rejection
}

// needServers skips a test unless it measures, or all services are required: it starts servers and several processes.
func needServers(t *testing.T) {
	t.Helper()
	if !*update && (os.Getenv("BEARERKIT_REQUIRE_SERVICES") != "1" || testing.Short()) {
		t.Skip("starts servers and processes: run make interop or make propagation")
	}
}

// A token that is denied in one process, by a call or by an event, is rejected by all others, although they have cached it.
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
		head := func(call string) string {
			return fmt.Sprintf("| store | %s (median) | median | 90 %% | 99 %% | longest of %d | bound |\n|---|---|---|---|---|---|---|\n", call, *rounds)
		}
		writeTable(t, scalingDocument, "propagation", head("denying takes"),
			texts(rows, func(m *measurement) string { return m.row(m.denials) }))
		pushed := slices.DeleteFunc(slices.Clone(rows), func(m measurement) bool { return m.lost })
		writeTable(t, revocationDocument, "events", head("202 after"),
			texts(pushed, func(m *measurement) string { return m.row(m.events) }))
	}
}

// texts returns a text for each row.
func texts[Row any](rows []Row, text func(*Row) string) []string {
	all := make([]string, len(rows))
	for i := range rows {
		all[i] = text(&rows[i])
	}
	return all
}

// run starts the processes, and denies tokens.
func (m *measurement) run(t *testing.T) {
	_, address := m.backend.start(t)
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
	for len(m.denials.times) < count {
		m.deny(t, issuer, shared, processes)
	}
	for len(m.events.times) < count && !m.lost { // a POST takes so long that the processes have subscribed again
		m.post(t, issuer, processes)
	}
	for _, s := range []*series{&m.denials, &m.events} {
		slices.Sort(s.times)
		slices.Sort(s.calls)
	}
	t.Logf("%s", m.row(m.denials))
	if !m.lost {
		t.Logf("%s", m.row(m.events))
	}
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

// deny measures a call of DenyToken.
func (m *measurement) deny(t *testing.T, issuer *bearertest.Issuer, shared *opened, processes []*process) {
	t.Helper()
	jti := rand.Text()
	token := issuer.AccessToken().Set("jti", jti).Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
	cache(t, token, processes)
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
		m.denials.times, m.denials.calls = append(m.denials.times, last), append(m.denials.calls, end.Sub(start))
	}
}

// post measures the POST of an event to one of the processes.
func (m *measurement) post(t *testing.T, issuer *bearertest.Issuer, processes []*process) {
	t.Helper()
	user := rand.Text()
	token := accessToken(issuer, user)
	set := eventAbout(issuer, user)
	cache(t, token, processes)
	start := time.Now()
	processes[0].deliver(t, set) // again after 503, as a transmitter does
	end := time.Now()
	m.events.times = append(m.events.times, awaitRejection(t, start, token, processes))
	m.events.calls = append(m.events.calls, end.Sub(start))
}

// cache lets all processes cache a token.
func cache(t *testing.T, token string, processes []*process) {
	t.Helper()
	// The processes poll, and pause after each drop. A random pause makes the rounds independent of that.
	sleep(t, mathrand.N(300*time.Millisecond))
	for _, p := range processes {
		if status, err := p.send(t.Context(), token); err != nil || status != http.StatusOK {
			t.Fatalf("a valid token: %d, %v", status, err)
		}
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

// row returns the row of a table.
func (m *measurement) row(s series) string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds()) }
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %.0f s |", m.title, ms(quantile(s.calls, 0.5)), ms(quantile(s.times, 0.5)),
		ms(quantile(s.times, 0.9)), ms(quantile(s.times, 0.99)), ms(quantile(s.times, 1)), m.backend.bound().Seconds())
}

// quantile returns the smallest value of sorted that is not exceeded by the share q of the values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	i := int(q*float64(len(sorted))+0.9999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
