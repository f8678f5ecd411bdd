package mcpauth

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/middleware"
)

// sessions is the table of all sessions and their owners. A session that is not in the table cannot be used. It is safe for
// concurrent use. Each principal has at most limit sessions.
type sessions struct {
	limit int // Config.MaxSessions

	mu     sync.Mutex            // guards all other fields, and the fields of each session
	byID   map[string]*session   // by the id that clients send in Mcp-Session-Id
	owned  map[string][]*session // by principal, the least recently used first
	closed bool                  // no session can be added
}

// session is one MCP session. id, principal and server do not change.
type session struct {
	id, principal string
	server        *mcp.ServerSession

	endless bool                         // a token without expiry was used, so the session does not expire
	expiry  time.Time                    // the latest expiry of the tokens that were used
	timer   *time.Timer                  // calls expire
	needs   map[string][]middleware.Rule // the rules of all operations so far, by requirement.entry
}

// newSessions returns an empty table.
func newSessions(limit int) *sessions {
	return &sessions{limit: limit, byID: make(map[string]*session), owned: make(map[string][]*session)}
}

// add makes principal the owner of a new session. expiry is the expiry of its token; zero: the token has none. If the principal has
// too many sessions, add ends the least recently used one. It reports false if the session is in the table, or after close.
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
		go own[0].end() // in a goroutine, because it waits for running calls
	}
	s.byID[created.id] = created
	s.owned[principal] = append(s.owned[principal], created)
	created.timer = time.AfterFunc(created.wait(), func() { s.expire(created) })
	go func() { // the SDK ends a session after a DELETE and after its own timeout
		_ = server.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(created)
	}()
	return true
}

// maxWait is the longest time of a timer. Timers stop while the machine sleeps, so a session could otherwise end much too late.
const maxWait = time.Minute

// reconnectTime is the time for which a session remains after its last token has expired. In this time, it can only be used with
// another valid token of its principal. A client that only listens needs it: its stream ends with the token, so it reconnects
// with its next token after the expiry. The client of the Go SDK does not begin a new session if the old one has ended.
const reconnectTime = time.Minute

// wait returns the time until the timer must call expire. The caller holds mu.
func (s *session) wait() time.Duration {
	if s.endless {
		return maxWait
	}
	return min(time.Until(s.expiry.Add(reconnectTime)), maxWait)
}

// expire ends a session reconnectTime after all its tokens have expired. Otherwise it sets the timer again. The timer of the
// session calls it.
func (s *sessions) expire(of *session) {
	s.mu.Lock()
	if s.byID[of.id] != of {
		s.mu.Unlock()
		return
	}
	// The session goes on if a request has extended it since the timer was set, or if the timer was only set to maxWait.
	if of.endless || time.Now().Before(of.expiry.Add(reconnectTime)) {
		of.timer.Reset(of.wait())
		s.mu.Unlock()
		return
	}
	s.drop(of)
	s.mu.Unlock()
	of.end()
}

// drop removes a session from the table. It does nothing if the session is not there. The caller holds mu.
func (s *sessions) drop(of *session) {
	if s.byID[of.id] != of {
		return
	}
	of.timer.Stop()
	delete(s.byID, of.id)
	// The list is copied, because add reads own[0] after it has called drop.
	own := slices.DeleteFunc(slices.Clone(s.owned[of.principal]), func(one *session) bool { return one == of })
	if s.owned[of.principal] = own; len(own) == 0 {
		delete(s.owned, of.principal)
	}
}

// end closes the session in the SDK. It waits until running calls have returned. Their contexts end with their tokens. The caller
// must not hold mu.
func (s *session) end() { _ = s.server.Close() }

// owns reports whether the session exists and belongs to principal.
func (s *sessions) owns(id, principal string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[id]
	return found != nil && found.principal == principal
}

// has reports whether the session of the SDK is in the table. It compares the pointers too, because an id alone could be reused.
func (s *sessions) has(server *mcp.ServerSession) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[server.ID()]
	return found != nil && found.server == server
}

// use records that a token with this expiry was used in the session, for operations with these requirements. The session becomes the
// most recently used one of its principal. use reports false, and records nothing, if the session has ended or belongs to another
// principal.
func (s *sessions) use(id, principal string, expiry time.Time, needs []requirement) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[id]
	if found == nil || found.principal != principal {
		return false
	}
	// The session lasts as long as the token that expires last. A token without an expiry makes it last until the SDK ends it.
	found.endless = found.endless || expiry.IsZero()
	if expiry.After(found.expiry) {
		found.expiry = expiry
		found.timer.Reset(found.wait())
	}
	for _, one := range needs {
		found.needs[one.entry] = one.rules
	}
	own := s.owned[principal] // move the session to the end of the list
	at := slices.Index(own, found)
	s.owned[principal] = append(slices.Delete(own, at, at+1), found)
	return true
}

// needs returns the rules of all operations of the session so far, in the order of their entries, so that equal sessions result in
// equal challenges. It returns nil for a session that has ended.
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

// close ends all sessions and waits for their running calls. No session can be added after it.
func (s *sessions) close() {
	// The sessions leave the table first, so no request can use them. They end after mu is unlocked, because end waits.
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
