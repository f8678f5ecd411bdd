package engine

import (
	"strings"
	"testing"
	"time"
)

// replicated is a flavor whose servers can have a standby.
type replicated interface {
	primary() []string               // arguments of a server that gets a standby later
	follow(s, primary *Server) error // creates the standby s
	following() string               // a query for the primary that returns a row as soon as the standby follows
	promote(s *Server) error         // makes the standby a primary
}

// Pair starts a server and its standby. The server acknowledges nothing that the standby has not received.
func Pair(t testing.TB, kind Kind, o Options) (primary, standby *Server) {
	t.Helper()
	Require(t, kind)
	r, ok := kind.flavor().(replicated)
	if !ok {
		t.Fatalf("%s has no standby here", kind)
	}
	o.Args = append(o.Args, r.primary()...)
	primary = Start(t, kind, o)
	standby, err := unstarted(kind, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(standby.remove)
	if err := r.follow(standby, primary); err != nil {
		t.Fatal(err)
	}
	standby.Restart(t)
	for range 3000 {
		if strings.TrimSpace(primary.Admin(t, r.following())) != "" {
			return primary, standby
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // another process cannot be waited for otherwise
	}
	t.Fatalf("%s: the standby does not follow: %s", kind, tail(standby.path("log")))
	return nil, nil
}

// Promote makes a standby the primary. It accepts changes from then on.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	r, ok := s.flavor.(replicated)
	if !ok {
		t.Fatalf("%s has no standby here", s.kind)
	}
	if err := r.promote(s); err != nil {
		t.Fatal(err)
	}
}
