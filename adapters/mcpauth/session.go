package mcpauth

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/middleware"
)

// sessions knows which principal each session belongs to.
type sessions struct {
	limit int // for each principal

	mu     sync.Mutex            // guards all other fields, and the fields of each session
	byID   map[string]*session   // by the id that clients send in Mcp-Session-Id
	owned  map[string][]*session // by principal, the least recently used first
	closed bool
}

// session is one MCP session.
type session struct {
	id, principal string
	server        *mcp.ServerSession

	endless bool      // whether a token without expiry was used
	expiry  time.Time // the latest expiry of the tokens that were used
	timer   *time.Timer
	needs   map[string][]middleware.Rule // the rules of all operations so far, by entry of the policy
}

func newSessions(limit int) *sessions {
	return &sessions{limit: limit, byID: make(map[string]*session), owned: make(map[string][]*session)}
}

// add makes principal the owner of a new session. It reports false if the session exists, or after close.
func (s *sessions) add(server *mcp.ServerSession, principal string, expiry time.Time) bool {
	created := &session{
		id: server.ID(), principal: principal, server: server, endless: expiry.IsZero(), expiry: expiry,
		needs: make(map[string][]middleware.Rule),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.byID[created.id] != nil {
		return false
	}
	if own := s.owned[principal]; len(own) >= s.limit {
		s.drop(own[0])
		go own[0].end() // may wait for running calls
	}
	s.byID[created.id] = created
	s.owned[principal] = append(s.owned[principal], created)
	created.timer = time.AfterFunc(created.wait(), func() { s.expire(created) })
	go func() { // a session also ends by DELETE and by the timeout of the SDK
		_ = server.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(created)
	}()
	return true
}

// maxWait limits how late a session ends if the machine sleeps, because timers stop meanwhile.
const maxWait = time.Minute

// wait returns the time until expire must check the session.
func (s *session) wait() time.Duration {
	if s.endless {
		return maxWait
	}
	return min(time.Until(s.expiry), maxWait)
}

// expire ends a session whose tokens have all expired.
func (s *sessions) expire(of *session) {
	s.mu.Lock()
	if s.byID[of.id] != of {
		s.mu.Unlock()
		return
	}
	// A request may have extended the session since the timer was set, or the timer ran because maxWait is over.
	if of.endless || time.Now().Before(of.expiry) {
		of.timer.Reset(of.wait())
		s.mu.Unlock()
		return
	}
	s.drop(of)
	s.mu.Unlock()
	of.end()
}

// drop forgets a session. The caller holds mu.
func (s *sessions) drop(of *session) {
	if s.byID[of.id] != of {
		return
	}
	of.timer.Stop()
	delete(s.byID, of.id)
	// A copy, because add still reads the old list.
	own := slices.DeleteFunc(slices.Clone(s.owned[of.principal]), func(one *session) bool { return one == of })
	if s.owned[of.principal] = own; len(own) == 0 {
		delete(s.owned, of.principal)
	}
}

// end closes the session in the SDK. It waits for running calls, whose contexts end with their tokens.
func (s *session) end() { _ = s.server.Close() }

// owns reports whether the session exists and belongs to principal.
func (s *sessions) owns(id, principal string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[id]
	return found != nil && found.principal == principal
}

// has reports whether the session is known.
func (s *sessions) has(server *mcp.ServerSession) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[server.ID()]
	return found != nil && found.server == server
}

// use records that a token with this expiry was used in the session, for operations with these requirements. It reports
// false if the session has ended or belongs to another principal.
func (s *sessions) use(id, principal string, expiry time.Time, needs []requirement) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[id]
	if found == nil || found.principal != principal {
		return false
	}
	found.endless = found.endless || expiry.IsZero()
	if expiry.After(found.expiry) {
		found.expiry = expiry
		found.timer.Reset(found.wait())
	}
	for _, one := range needs {
		found.needs[one.entry] = one.rules
	}
	own := s.owned[principal] // the session becomes the most recently used one
	at := slices.Index(own, found)
	s.owned[principal] = append(slices.Delete(own, at, at+1), found)
	return true
}

// needs returns the rules of all operations of the session so far.
func (s *sessions) needs(id string) (rules []middleware.Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.byID[id]; found != nil {
		for _, entry := range slices.Sorted(maps.Keys(found.needs)) {
			rules = append(rules, found.needs[entry]...)
		}
	}
	return rules
}

// close ends all sessions. No session can be added after it.
func (s *sessions) close() {
	s.mu.Lock()
	s.closed = true
	all := make([]*session, 0, len(s.byID))
	for _, one := range s.byID {
		all = append(all, one)
	}
	for _, one := range all {
		s.drop(one)
	}
	s.mu.Unlock()
	for _, one := range all {
		one.end()
	}
}
