package sqlstore

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// portable returns a statement that is the same in all dialects, in which each question mark is a parameter. PostgreSQL has
// numbers instead of question marks.
func (d *database) portable(text string) string {
	if d.dialect != PostgreSQL {
		return text
	}
	parts := strings.Split(text, "?")
	var numbered strings.Builder
	for i, part := range parts {
		if i > 0 {
			numbered.WriteString("$" + strconv.Itoa(i))
		}
		numbered.WriteString(part)
	}
	return numbered.String()
}

// insert inserts a row, unless there is one with the same key. It reports whether the row is new. text is the INSERT, and textNew
// the same with ON CONFLICT DO NOTHING. MariaDB has no such statement that reports other errors, and whose number of affected
// rows does not depend on the data source name, so it runs text.
func (d *database) insert(ctx context.Context, text, textNew string, args ...any) (bool, error) {
	return d.inserted(d.exec(ctx, d.insertText(text, textNew), args...))
}

// insert is database.insert in a transaction.
func (t transaction) insert(ctx context.Context, text, textNew string, args ...any) (bool, error) {
	return t.d.inserted(t.exec(ctx, t.d.insertText(text, textNew), args...))
}

func (d *database) insertText(text, textNew string) string {
	if d.dialect == MariaDB {
		return text
	}
	return d.portable(textNew)
}

// inserted returns the result of insert for that of a statement.
func (d *database) inserted(affected int64, err error) (bool, error) {
	if d.dialect == MariaDB && isDuplicate(err) {
		return false, nil
	}
	return affected > 0, err
}

// isDuplicate reports whether MariaDB has rejected a row because there already is one with the same key.
func isDuplicate(err error) bool {
	var number *mysql.MySQLError
	return errors.As(err, &number) && number.Number == numberDuplicate
}
