package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// epoch is the time since which the database has lost no mark. Its row has a random id and the identity of the server that
// stored it: in PostgreSQL the time at which the server was started, in MariaDB the name of the server. In MariaDB the table is
// in memory, so that the row disappears when the server restarts. A new epoch begins if the row is missing or has another
// server: a backup may have been restored, or the server may be a replica that lacks the latest marks.
//
// SQLite has no server. A process that runs notices missing rows by its witness. That is the latest mark that it has stored
// and whose proof is still valid, or a row that was stored when the epoch began. Each call of Mark checks that the witness
// exists. So marks that are lost because the table was emptied, or because a backup was restored under a running process,
// begin a new epoch, in every dialect.
type epoch struct {
	id    digest
	begin time.Time
}

// mayHaveForgotten reports whether a proof may have been used before e began. The clock of the process that accepted it may
// have been ahead of the database by the clock skew.
func (e *epoch) mayHaveForgotten(from time.Time, skew time.Duration) bool {
	return from.Before(e.begin.Add(skew))
}

// first is the witness of an epoch before any mark: a row with this owner, which no key has, and the id of the epoch.
func (e *epoch) first() mark { return mark{owner: digest{}, id: e.id} }

// recent is the latest mark of this process.
type recent struct {
	mark
	epoch *epoch
	until time.Time
}

// witness returns the row whose absence shows that marks were lost.
func (s *Store) witness(e *epoch) mark {
	if last := s.latest.Load(); last != nil && last.epoch == e && clock.Now().Time().Before(last.until) {
		return last.mark
	}
	return e.first()
}

// remember makes a mark the witness. Its row is not removed before until on any clock.
func (s *Store) remember(m mark, e *epoch, until time.Time) {
	s.latest.Store(&recent{mark: m, epoch: e, until: until})
}

// epochOf returns the epoch of the database. It is read once, because each mark detects a change. If there is none, or if
// another server has stored it, a new epoch begins.
func (s *Store) epochOf(ctx context.Context) (*epoch, error) {
	if e := s.current.Load(); e != nil {
		return e, nil
	}
	for range maxMarkAttempts {
		e, same, err := s.readEpoch(ctx)
		if err != nil {
			return nil, err
		}
		if e != nil && same {
			s.current.Store(e)
			return e, nil
		}
		if err := s.renew(ctx, e); err != nil {
			return nil, err
		}
	}
	return nil, errEpochChanges
}

// readEpoch reads the epoch. It returns nil if there is none. same is false if another server has stored it.
func (s *Store) readEpoch(ctx context.Context) (e *epoch, same bool, err error) {
	var id sql.RawBytes
	var begins int64
	err = s.query(ctx, s.text.readEpoch, nil, func(rows *sql.Rows) error {
		if err := rows.Scan(&id, &begins, &same); err != nil {
			return err
		}
		if len(id) != len(digest{}) {
			return errors.New("sqlstore: the id of the epoch does not have 16 bytes")
		}
		e = &epoch{id: digest(id), begin: time.UnixMicro(begins)}
		return nil
	})
	return e, same, err
}

// renew begins a new epoch, unless another process has already replaced the epoch old. old is nil if there is none.
//
// The database computes the time at which the epoch begins: one second after now, so that all marks that were lost are older.
// It never begins before the epoch that it replaces.
func (s *Store) renew(ctx context.Context, old *epoch) error {
	var id, replaced digest
	_, _ = rand.Read(id[:]) // never fails
	if old != nil {
		replaced = old.id
		s.current.CompareAndSwap(old, nil)
	}
	first := (&epoch{id: id}).first()
	// The witness is stored first. If the next statement fails, the row has no effect.
	if _, err := s.exec(ctx, s.text.addWitness, first.owner[:], id[:], never); err != nil {
		return err
	}
	n, err := s.exec(ctx, s.text.replaceEpoch, id[:], replaced[:])
	if err == nil && n == 0 && s.text.insertEpoch != "" {
		n, err = s.exec(ctx, s.text.insertEpoch, id[:])
		if isDuplicate(err) { // another process was faster
			n, err = 0, nil
		}
	}
	if err != nil || n == 0 {
		return err
	}
	_, err = s.exec(ctx, s.text.removeWitnesses, first.owner[:], id[:])
	return err
}
