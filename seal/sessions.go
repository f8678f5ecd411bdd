package seal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
)

// SessionStore has the methods of scs.Store in github.com/alexedwards/scs. [Sessions] also uses the methods of scs.CtxStore,
// scs.IterableStore and scs.IterableCtxStore, if the store has them.
type SessionStore interface {
	Find(id string) (value []byte, found bool, err error)
	Commit(id string, value []byte, expiry time.Time) error
	Delete(id string) error
}

// SessionsConfig describes a [Sessions].
type SessionsConfig struct {
	// Store has the rows. Required.
	Store SessionStore

	// Sealer seals the rows, for example a [Keyring]. Required.
	Sealer Sealer

	// InsecurePlainIDs uses the session ids as the names of the rows. Somebody who can read the store then knows the
	// ids, and can use the sessions. False: the name of a row is the SHA-256 hash of the id in base64url, which has 43 characters.
	InsecurePlainIDs bool

	// InsecureAcceptPlaintext accepts rows that were written before sealing was introduced: rows that are not sealed, and rows
	// whose name is a session id. They are sealed when the session is written next. While it is set, anyone who can write to the
	// store can create sessions of any user, and anyone who can read it can use the sessions whose rows are not sealed yet. Set
	// it for at most the Lifetime of the sessions. False: such rows do not exist for the application.
	InsecureAcceptPlaintext bool

	// OnUnreadable, if not nil, is called each time a row is read that cannot be opened. It must be safe for concurrent use.
	OnUnreadable func(context.Context, UnreadableSession)
}

// UnreadableSession describes a row that cannot be opened.
type UnreadableSession struct {
	// Row is the name of the row in the store. With SessionsConfig.InsecurePlainIDs or SessionsConfig.InsecureAcceptPlaintext it is
	// empty, because it may be a session id.
	Row string

	// Err matches [ErrDamaged], [ErrUnknownKey], [ErrNotSealed] or [ErrTooLarge].
	Err error
}

// Sessions is a session store for github.com/alexedwards/scs that seals its rows. It implements scs.Store, scs.CtxStore,
// scs.IterableStore and scs.IterableCtxStore. Create it with [NewSessions]. It is safe for concurrent use if its store is.
//
//	sessions := scs.New()
//	sessions.Store, err = seal.NewSessions(seal.SessionsConfig{Store: postgresstore.New(db), Sealer: ring})
//
// With package weblogin, set the store before weblogin.New. Otherwise, the tokens of the users are not sealed.
//
// A row is bound to its name, and contains the session id and the expiry. So a value that was moved to another row cannot be
// opened, and a session whose expiry was postponed in the store still ends in time. Sealing does not prevent somebody who can
// write to the store from putting an older value of the same row back. That value can be opened until its session expires.
//
// If a row cannot be opened, the session does not exist, and the user signs in again. This is what scs specifies. It applies to
// ids that consist of letters, digits, "-" and "_", as session ids do. An id with other characters is that of a record, such as
// those that weblogin keeps about logouts. If the row of a record cannot be opened, the result is an error, because it would not
// be safe to ignore the record. An error of the store, or of a Sealer that is unavailable, is always returned.
type Sessions struct{ cfg SessionsConfig }

// NewSessions returns a store for cfg. If cfg has faults, the error joins all of them, and each names its field. NewSessions
// does no I/O.
func NewSessions(cfg SessionsConfig) (*Sessions, error) {
	var faults []error
	if nilcheck.IsNil(cfg.Store) {
		faults = append(faults, errors.New("seal: SessionsConfig.Store is required"))
	}
	if nilcheck.IsNil(cfg.Sealer) {
		faults = append(faults, errors.New("seal: SessionsConfig.Sealer is required"))
	}
	if inner, again := cfg.Store.(*Sessions); again && inner != nil {
		faults = append(faults, errors.New("seal: SessionsConfig.Store is a *seal.Sessions, expected a store that does not seal"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Sessions{cfg}, nil
}

// Find implements scs.Store. It calls FindCtx.
func (s *Sessions) Find(id string) (value []byte, found bool, err error) {
	return s.FindCtx(context.Background(), id)
}

// Commit implements scs.Store. It calls CommitCtx.
func (s *Sessions) Commit(id string, value []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), id, value, expiry)
}

// Delete implements scs.Store. It calls DeleteCtx.
func (s *Sessions) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }

// All implements scs.IterableStore. It calls AllCtx.
func (s *Sessions) All() (map[string][]byte, error) { return s.AllCtx(context.Background()) }

// FindCtx implements scs.CtxStore. found is false if there is no row, if the session has expired, or if the row cannot be opened.
// [Sessions] describes the exception for records.
func (s *Sessions) FindCtx(ctx context.Context, id string) (value []byte, found bool, err error) {
	for _, row := range s.rows(id) {
		stored, found, err := s.read(ctx, row)
		if err != nil {
			return nil, false, err
		}
		if !found {
			continue
		}
		session, err := s.open(ctx, row, stored)
		if err == nil && session.id != id {
			err = errOtherSession
		}
		switch {
		case err != nil && isLost(err) && isSessionID(id):
			continue // a row under a plain id may still exist
		case err != nil:
			return nil, false, err
		case session.isOver():
			continue
		}
		return session.value, true, nil
	}
	return nil, false, nil
}

// CommitCtx implements scs.CtxStore. If the session is longer than Config.MaxBytes of a Keyring, the error matches [ErrTooLarge].
func (s *Sessions) CommitCtx(ctx context.Context, id string, value []byte, expiry time.Time) error {
	rows := s.rows(id)
	sealed, err := s.cfg.Sealer.Seal(ctx, session{id: id, value: value, expiry: expiry}.encode(), sessionBinding(rows[0]))
	if err != nil {
		return fmt.Errorf("seal: session: %w", err)
	}
	if err := s.write(ctx, rows[0], sealed, expiry); err != nil {
		return err
	}
	return s.removeAll(ctx, rows[1:]) // the row from before the migration
}

// DeleteCtx implements scs.CtxStore. It does not open the row.
func (s *Sessions) DeleteCtx(ctx context.Context, id string) error {
	return s.removeAll(ctx, s.rows(id))
}

// AllCtx implements scs.IterableCtxStore. It returns the values of all rows that can be opened and have not expired, by their
// session ids. It returns an error if SessionsConfig.Store cannot list its rows.
func (s *Sessions) AllCtx(ctx context.Context) (map[string][]byte, error) {
	stored, err := s.readAll(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[string][]byte, len(stored))
	for row, sealed := range stored {
		session, err := s.open(ctx, row, sealed)
		switch {
		case err != nil && isLost(err):
			continue
		case err != nil:
			return nil, err
		case session.isOver():
			continue
		}
		// During a migration, the session may also have a row under its plain id. The sealed one is newer.
		if _, found := all[session.id]; !found || row == s.rows(session.id)[0] {
			all[session.id] = session.value
		}
	}
	return all, nil
}

// rows returns the names of the rows that a session may have. A session is written to the first one.
func (s *Sessions) rows(id string) []string {
	if s.cfg.InsecurePlainIDs {
		return []string{id}
	}
	hash := sha256.Sum256([]byte(id))
	row := base64.RawURLEncoding.EncodeToString(hash[:])
	if s.cfg.InsecureAcceptPlaintext {
		return []string{row, id}
	}
	return []string{row}
}

// open opens a row. It reports a row that cannot be opened.
func (s *Sessions) open(ctx context.Context, row string, sealed []byte) (session, error) {
	plaintext, err := s.cfg.Sealer.Open(ctx, sealed, sessionBinding(row))
	if s.cfg.InsecureAcceptPlaintext && errors.Is(err, ErrNotSealed) {
		return session{id: row, value: sealed, plain: true}, nil
	}
	if err == nil {
		if found, ok := decodeSession(plaintext); ok {
			return found, nil
		}
		err = ErrDamaged
	}
	if isLost(err) && s.cfg.OnUnreadable != nil {
		unreadable := UnreadableSession{Row: row, Err: err}
		if s.cfg.InsecurePlainIDs || s.cfg.InsecureAcceptPlaintext {
			unreadable.Row = ""
		}
		s.cfg.OnUnreadable(ctx, unreadable)
	}
	return session{}, fmt.Errorf("seal: session: %w", err)
}

// errOtherSession is the error for a row that has another session id than the one that was looked for. This happens during a
// migration (InsecureAcceptPlaintext), if somebody who has read the store uses the name of a row as a session id.
var errOtherSession = fmt.Errorf("%w: it belongs to another session", ErrDamaged)

// isLost reports whether err says that a value can never be opened with the present keys and settings.
func isLost(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrNotSealed) || errors.Is(err, ErrTooLarge)
}

// isSessionID reports whether id has the characters of the ids that scs creates, which are base64url.
func isSessionID(id string) bool {
	return strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// sessionBinding binds the value of a row to its name.
func sessionBinding(row string) []byte { return Bind("bearerkit session", row) }
