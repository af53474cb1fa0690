"""Thesaurus: everyday words of work and life that tools and goals say differently, in groups of a common meaning.

Only for choosing tools: a word of a goal also finds, for less, what is described in another word of one of its groups. Word
forms are the index's matter (`invoices` finds `invoice`). A word may stand in several groups.
"""

from __future__ import annotations

_GROUPS = """
search find look seek list query show which browse collect gather
get read fetch retrieve view check see open
create make add new draw register record enter write set start begin
update change edit modify correct fix adjust alter set rename rewrite improve
delete remove erase drop clear clean discard purge
cancel void withdraw undo revoke terminate end stop quit drop
send deliver forward submit pass dispatch hand
tell inform notify message write announce know warn alert remind
remind reminder nudge chase follow dunning memory
approve accept grant confirm allow permit sign
reject decline refuse deny turn
move transfer shift put relocate reschedule postpone
compare difference differ diff versus change
share publish post invite access permission rights
summarize summary sum overview report digest statistics figures metrics
count number total many amount quantity
schedule plan later arrange book reserve set regularly recurring every
assign give delegate owner responsible
import upload load insert store save file
export download fetch extract attachment
merge join combine duplicate double twice same
block freeze lock disable deactivate suspend ban off
enable activate unlock switch on
pause stop hold silence mute
restore rollback revert previous earlier back version history
measure performance speed fast slow latency response
rating score review opinion feedback satisfaction liked happy
recommend suggest suggestion idea similar like
estimate forecast predict expect value worth
watch monitor follow track observe notify
mail email inbox mailbox letter message correspondence write send reply apologise thank answer
calendar diary agenda appointment meeting event schedule date slot invitation
meeting talk call conference discuss slot
chat channel slack conversation room thread discuss team discussed talked
phone call telephone ring rang caller sms text dial voicemail line
sms text message
newsletter campaign mailing subscriber audience list unsubscribe
contact person people address phone birthday acquaintance
customer client account buyer user patron
company firm business organisation organization enterprise
lead prospect opportunity deal sale sell pipeline dentist plumber trade
opportunity deal
activity visit call note log
ticket case request support complaint complain helpdesk requester agent problem
issue bug defect task story fault feature ticket problem
sprint iteration velocity burndown backlog points
code source program repository software programming
commit revision change author touched
pull merge request land change branch
pipeline build ci job test
test flaky random fail failure
artifact built output result
deploy release rollout roll ship launch version
service server application app replica website web system
scale double more replicas capacity
log output console trace
error exception crash failure broken stack outage
alert alarm fire firing warning incident
incident outage disruption down emergency
uptime availability reliable reliability sla
duty shift oncall rotation page wake woken
postmortem review retrospective
status public page state operational
file document folder pdf drive paper
folder directory
page article wiki knowledge handbook manual documentation guide
stale outdated old untouched date
spreadsheet sheet excel table cell row column tab
chart graph plot diagram dashboard
survey questionnaire poll form question answers respondent ask
invoice bill billing owe owed charge receivable
overdue late arrears unpaid owe behind outstanding debt
payment pay paid money cash charge settle
card credit debit plastic visa
refund reimburse repay credit money back return
chargeback dispute contest fight
subscription plan package membership downgrade upgrade
discount coupon voucher code off rebate sale
account ledger books bookkeeping accounting
profit loss income earnings revenue sales turnover
cash flow liquidity
tax vat duty
vendor supplier seller provider manufacturer
expense receipt spending slip claim travel
reimburse claim refund expense back
policy rule rules limit guideline
bank iban account balance savings
transaction movement booking spent purchase
transfer remit move wire
stock share equity security investment portfolio invest
price cost quote fare rate charge cheap cheapest expensive
dividend yield payout
stock inventory warehouse goods article depot storage
low short running out reorder replenish
batch lot recall charge
expire expiring spoil perishable renew renewal runs run ends
employee staff colleague worker personnel people workforce team member
manager boss superior supervisor lead
hire hiring hired recruit recruiting onboard new joiner starts
offboard leave leaves departure resign fire quit
leave vacation holiday absence off days sick time
salary wage pay payroll raise compensation earn
bonus premium extra
department team unit division
vacancy opening job position role advert posting
candidate applicant apply applied application resume cv
interview talk screen invite
offer proposal quote
course training class lesson learning education seminar
learner student pupil trainee participant
grade mark assess evaluate essay assignment homework
certificate certification diploma licence
enroll enrol sign register
product item article goods merchandise
order purchase bought buy ordered
cart basket abandoned
return refund back complaint
parcel package shipment delivery consignment post carrier courier
ship send dispatch deliver label
pickup collect fetch collected
late delayed delay overdue
track where location
damage claim smashed broken compensation insurance
customs border import export
flight fly plane airline trip travel journey
seat baggage luggage
airport station
gate delay time status
hotel stay room bed night lodging accommodation overnight
reservation booking booked reserve
guest visitor traveller
apartment flat house home property place rental listing
route directions drive way distance far
stops drops round tour deliveries
charger charge electric plug car
parking park
traffic jam congestion
place shop sight nearby near
weather rain forecast temperature wind sun pour storm snow cold hot sky
air quality pollution smog dirty
pollen allergy birch
tide water low high sea
sun sunrise sunset dark light dawn dusk
restaurant dinner lunch eat food meal dine table cuisine
allergen allergy nuts gluten
menu dish
delivery takeaway catering
rent lease tenant landlord
lease contract agreement
viewing visit see
mortgage loan credit
repair maintenance work leak leaking broken fixed fix
contract agreement nda treaty deal
clause term provision wording
sign signature signed
legal law lawyer court judgment
patient doctor clinic medical health hospital
chart record diagnosis medication medicine
lab blood test results values
drug medication pill medicine prescription prescribe
specialist refer referral
vaccination vaccine jab shot
light lamp bulb
thermostat temperature heating heat warm cool degrees
door lock gate key
blinds shutters curtains
alarm security burglar
energy electricity power consumption
device appliance smart
automation automatic routine rule
music song track tune album artist
playlist mix
speaker play volume
film movie cinema
stream watch
podcast episode
social network post tweet twitter linkedin facebook instagram mastodon
mention say saying talk
follower fan audience
comment reply respond
ad advertisement advertising advert campaign ppc
keyword term
competitor rival competition
budget spend cost
conversion sale brought
visit visitor traffic hits people site
website site web page internet online
funnel step lose drop
retention churn
data database sql warehouse table query
anomaly outlier unusual strange
internet web online google
news press paper newspaper article headlines
paper study research scientific publication journal
translate translation language german english french spanish japanese
grammar spelling proofread
tone rewrite style formal friendly nicer
transcribe transcript speech recording audio writing
picture image photo photograph logo drawing screenshot
background behind transparent
resize size wide pixels
sentiment positive negative nice mood
user login account access colleague
password credentials
access rights permission group
session sign signed
login sign signin
request ask asked want
umbrella rain weather
holiday vacation trip travel tour tourism destination sightseeing
attraction sight landmark museum visit
train rail railway bus coach ferry transit commute
car vehicle automobile van truck dealer drive
fleet driver vehicle
fuel petrol gas diesel mileage
sport sports match game team league football soccer basketball tennis score
train training exercise workout fitness gym
diet nutrition calories food healthy
recipe cook cooking ingredient kitchen meal
grocery groceries supermarket food shop
fashion clothes clothing wear outfit dress shoes
beauty cosmetics makeup skin
gift present presents
house home condo condominium property estate buy purchase
furniture chair desk table
garden plant flower tree
pet dog cat animal
child children kid kids family
school university college study student education
language learn vocabulary
book novel author read library publication
quiz trivia test questions
joke fun entertainment game
game play player
art painting drawing design creative
video clip trailer youtube footage film
show series television tv episode
space astronomy planet star nasa
science scientific experiment
math mathematics calculate calculation formula equation compute
convert conversion unit currency exchange
crypto cryptocurrency bitcoin coin token nft blockchain
economy economic recession market finance financial
ratio figure fundamentals earnings key
interest rate yield savings loan
insurance policy claim cover coverage
pension retirement
donate donation charity
government authority office agency public permit
law legislation regulation compliance
audit auditor compliance check
risk hazard safety
accident injury emergency
machine equipment sensor maintenance
factory production manufacturing plant
farm crop harvest soil
energy solar wind grid
todo task list remember reminder note notes
note notes memo jot
brainstorm idea ideas inspiration
prompt rephrase rewrite paraphrase polish
essay article blog write writing content
presentation slides deck powerpoint
seo ranking website traffic search
domain hostname dns
network connection internet wifi
backup copy restore
encrypt key certificate security
virus malware threat attack security
vulnerability weakness patch security
privacy personal consent
advice advise suggest recommend opinion counsel
help assist support
latest newest recent current now today new
best top popular trending
missing incomplete lack absent
empty vacant free available
print printout paper
radio music station
"""

_BY_LINE = tuple(line.split() for line in _GROUPS.split("\n") if line)


def groups() -> tuple[list[str], ...]:
    """Each group's words."""
    return _BY_LINE
