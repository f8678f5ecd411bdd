package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// proofAPI is an API whose Guard records used proofs in a store.
type proofAPI struct {
	http.Handler

	key     *bearertest.ProofKey
	token   string
	refusal error // of the last request
}

func newProofAPI(t *testing.T, s *sqlstore.Store) *proofAPI {
	t.Helper()
	keys, err := jwks.ParseJWKS(testIssuer().JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{Issuer: issuerURL, Audience: []string{apiURL}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	a := &proofAPI{key: bearertest.NewProofKey("ES256")}
	a.token = testIssuer().AccessToken().BoundTo(a.key).Sign()
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier, DPoP: &middleware.DPoPConfig{URL: apiURL, Replays: s},
		OnDecision: func(_ context.Context, d middleware.Decision) { a.refusal = d.Err },
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Handler = guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return a
}

// proof returns a new proof for one request.
func (a *proofAPI) proof() string { return a.key.Proof("GET", apiURL+"/orders", a.token).Sign() }

// get sends a request with a proof.
func (a *proofAPI) get(t *testing.T, proof string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "DPoP "+a.token)
	r.Header.Set("DPoP", proof)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result()
}

// wantProof checks the status of a request with a new proof. A request that is rejected because of the store must have a
// response without a challenge, and the reason that says so.
func (a *proofAPI) wantProof(t *testing.T, cause error) {
	t.Helper()
	response := a.get(t, a.proof())
	_ = response.Body.Close()
	if cause == nil {
		if response.StatusCode != http.StatusOK {
			t.Errorf("status %d, %v, want 200", response.StatusCode, a.refusal)
		}
		return
	}
	reason, _ := errors.AsType[*consumer.Error](a.refusal)
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("WWW-Authenticate") != "" ||
		reason == nil || reason.Reason != consumer.ReasonReplayUnavailable || !errors.Is(a.refusal, cause) {
		t.Errorf("status %d, challenge %q, %v, want 503 without a challenge because of: %v",
			response.StatusCode, response.Header.Get("WWW-Authenticate"), a.refusal, cause)
	}
}

// Without the store, a genuine proof is rejected with 503: not with 401, because the client did nothing wrong. A proof that was
// used before is rejected with 401.
func TestGuard_ProofsOfSQLite(t *testing.T) {
	t.Parallel()
	path := newDSN(t, sqlstore.SQLite)
	db := open(t, sqlstore.SQLite, path)
	s := storeOf(t, db, sqlstore.SQLite, func(c *sqlstore.Config) { c.Timeout = 200 * time.Millisecond })
	a := newProofAPI(t, s)
	response := a.get(t, a.proof())
	_ = response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable { // an earlier use may be forgotten
		t.Errorf("new database: status %d, want 503", response.StatusCode)
	}
	backdate(t, s)
	proof := a.proof()
	for _, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		response := a.get(t, proof)
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("status %d, %v, want %d", response.StatusCode, a.refusal, want)
		}
	}
	readOnly, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = readOnly.Close() })
	reader, err := sqlstore.New(sqlstore.Config{DB: readOnly, Dialect: sqlstore.SQLite})
	if err != nil {
		t.Fatal(err)
	}
	newProofAPI(t, reader).wantProof(t, sqlstore.ErrReadOnly)

	other, err := open(t, sqlstore.SQLite, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"BEGIN IMMEDIATE", "ROLLBACK"} {
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		a.wantProof(t, map[string]error{"BEGIN IMMEDIATE": sqlstore.ErrUnavailable}[statement])
	}
	limit, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite, MaxMarksPerKey: 1})
	if err != nil {
		t.Fatal(err)
	}
	full := newProofAPI(t, limit)
	full.wantProof(t, nil)
	full.wantProof(t, sqlstore.ErrFull)

	do(t, db, "DROP TABLE bearerkit_marks")
	a.wantProof(t, sqlstore.ErrSchema)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	a.wantProof(t, sqlstore.ErrUnavailable)
}

// fillMarks calls Mark with new keys until it fails, because files of a full disk have free space.
func fillMarks(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	var err error
	for i := 0; i < 50_000 && err == nil; i++ {
		now := time.Now()
		_, err = s.Mark(t.Context(), "key "+strconv.Itoa(i), "proof", now.Add(-time.Minute), now.Add(time.Minute))
	}
	if !errors.Is(err, sqlstore.ErrFull) {
		t.Errorf("Mark on a full disk: %v, want ErrFull", err)
	}
}
