# writers.awk - from a purchase log to what several connections of a shop do.
#
#	awk -v seed=N -v writers=4 -v dir=DIRECTORY -f writers.awk LOG
#
# LOG has one purchase a line: two customer numbers (the second is used),
# date YYYYMMDD, number of discs, amount in dollars; column separators are
# blanks.  Line n becomes order n.  For each writer w the file DIRECTORY/w.sql
# gets a script for psql.
#
# Every purchase of the log commits in exactly one transaction, and every
# twentieth order brings a subscription with it.  Around them happens what
# happens to a shop: transactions of one to five orders, some that roll back,
# some with savepoints rolled back, some REPEATABLE READ, some that commit
# late, some prepared first and committed (or rolled back) only after later
# ones.  Orders that never commit have numbers from 1000000 on, so that one
# which arrived all the same can be told.
#
# All chance comes from seed; the same seed gives the same scripts.

function place(number, customer, date, discs, total)
{
	return sprintf("SELECT shop.place_order(%d, %d, '%s-%s-%s 12:00Z', %d, %s);\n",
		number, customer, substr(date, 1, 4), substr(date, 5, 2), substr(date, 7, 2),
		discs, total)
}

function abandoned(customer, date)
{
	return place(nabandoned++, customer, date, 1, "11.77")
}

function say(writer, text)
{
	printf "%s", text > (dir "/" writer ".sql")
}

# End the prepared transactions of a writer whose time has come.
function end_prepared(writer, now,	i, left)
{
	left = 0
	for (i = 1; i <= nprepared[writer]; i++)
	{
		if (due[writer, i] <= now)
			say(writer, ending[writer, i])
		else
		{
			left++
			due[writer, left] = due[writer, i]
			ending[writer, left] = ending[writer, i]
		}
	}
	nprepared[writer] = left
}

function prepare(writer, verb,	name)
{
	name = "shop-" writer "-" (++nnames)
	say(writer, "PREPARE TRANSACTION '" name "';\n")
	nprepared[writer]++
	due[writer, nprepared[writer]] = transactions[writer] + 1 + int(rand() * 8)
	ending[writer, nprepared[writer]] = verb " PREPARED '" name "';\n"
}

# Write the orders gathered so far as one transaction of some writer.
function transaction(	writer, dice)
{
	writer = 1 + int(rand() * writers)
	transactions[writer]++

	if (rand() < 0.08)
	{
		say(writer, "BEGIN;\n" abandoned(customer, date) abandoned(customer, date))
		if (rand() < 0.2)
			prepare(writer, "ROLLBACK")
		else
			say(writer, "ROLLBACK;\n")
	}

	say(writer, rand() < 0.1 ? "BEGIN ISOLATION LEVEL REPEATABLE READ;\n" : "BEGIN;\n")
	if (rand() < 0.15)
		say(writer, "SAVEPOINT a;\n" abandoned(customer, date) "ROLLBACK TO a;\n" \
			"SAVEPOINT b;\n" orders "RELEASE b;\n")
	else
		say(writer, orders)
	dice = rand()
	if (dice < 0.03)
		prepare(writer, "COMMIT")
	else
	{
		if (dice < 0.06)
			say(writer, sprintf("SELECT pg_sleep(%.3f);\n", 0.3 + rand() * 1.2))
		say(writer, "COMMIT;\n")
	}
	end_prepared(writer, transactions[writer])
	orders = ""
	gathered = 0
	wanted = 1 + int(rand() * 5)
}

BEGIN {
	srand(seed)
	nabandoned = 1000000
	wanted = 2
}

NF == 5 {
	number++
	customer = $2
	date = $3
	orders = orders place(number, customer, date, $4, $5)
	if (number % 20 == 0)
		orders = orders sprintf("SELECT shop.subscribe(%d, %d);\n", number / 20, customer)
	if (++gathered >= wanted)
		transaction()
}

END {
	if (gathered > 0)
		transaction()
	for (writer = 1; writer <= writers; writer++)
	{
		say(writer, "")
		end_prepared(writer, transactions[writer] + 1000)
	}
}
