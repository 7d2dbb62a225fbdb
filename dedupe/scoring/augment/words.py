"""Word lists: nicknames, abbreviations, company forms, characters that look or sound alike."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def split_words(text: str) -> tuple[str, ...]:
    """Split a table of single words."""
    return tuple(text.split())


def syllable_parts(text: str) -> tuple[str, ...]:
    """Split a table of parts of syllables; a line stands for a silent one."""
    return tuple("" if part == "_" else part for part in text.split())


def phrases(text: str) -> tuple[str, ...]:
    """Split a table of phrases that are set apart by commas."""
    return tuple(" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip())


def word_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Split a table of `long=short` pairs that are set apart by commas."""
    return tuple((a.strip(), b.strip()) for a, b in (p.split("=") for p in text.split(",")))


def groups(text: str) -> tuple[tuple[str, ...], ...]:
    """Split a table of groups: a group a line, the forms set apart by commas."""
    return tuple(phrases(line) for line in text.strip().splitlines())


NICKNAMES = groups("""
robert, rob, bob, bobby, robbie
william, will, bill, billy, liam
richard, rick, dick, richie, rich
james, jim, jimmy, jamie
john, jack, johnny, jon
charles, charlie, chuck, chas
thomas, tom, tommy, thos
michael, mike, mick, micky
joseph, joe, joey, jos
edward, ed, eddie, ted, ned
george, geo, georgie
henry, harry, hank
david, dave, davy
daniel, dan, danny
samuel, sam, sammy
benjamin, ben, benny
alexander, alex, sandy, xander
alexandra, alex, sandra, lexi
andrew, andy, drew
anthony, tony, ant
christopher, chris, kit, topher
matthew, matt
nicholas, nick, nicky
patrick, pat, paddy
peter, pete
stephen, steve, steven
timothy, tim
gregory, greg
jeffrey, jeff, geoff, geoffrey
kenneth, ken, kenny
lawrence, larry, laurie, laurence
leonard, len, lenny
ronald, ron, ronnie
raymond, ray
philip, phil, phillip
frederick, fred, freddie
francis, frank, frankie
franklin, frank
walter, walt, wally
donald, don, donnie
douglas, doug
gerald, gerry, jerry
harold, hal, harry
jonathan, jon, jonny
joshua, josh
nathaniel, nathan, nate, nat
theodore, theo, ted
vincent, vince, vinny
zachary, zach, zack
elizabeth, liz, beth, betty, eliza, lizzie, elisabeth, elsie
margaret, maggie, meg, peggy, marge, rita
catherine, cathy, kate, katie, katherine, kathryn, kitty, cath
mary, molly, polly, may, marie
patricia, pat, patty, tricia, trish
jennifer, jen, jenny
barbara, barb, babs
susan, sue, susie, suzanne
dorothy, dot, dottie, dolly
sarah, sally, sara, sadie
rebecca, becky, becca
deborah, debbie, deb, debra
victoria, vicky, tori
christine, chris, tina, christina
anne, ann, anna, annie, nan
helen, nell, ellen, nellie
jessica, jess, jessie
amanda, mandy
abigail, abby, gail
caroline, carrie, carol, carolyn
eleanor, ellie, nell, nora
florence, flo, flossie
frances, fran, fanny
isabella, bella, izzy, isabel
jacqueline, jackie
judith, judy
kimberly, kim
martha, patty, mattie
matilda, tilly, mattie
pamela, pam
penelope, penny
samantha, sam, sammy
teresa, terry, tess, theresa
virginia, ginny
dominique, dominic, dom
johannes, hans, johann
friedrich, fritz
heinrich, heinz, heiner
wolfgang, wolf
josef, sepp, jupp
katharina, kathrin, kati, käthe
elisabeth, else, elli, lisa
margarete, grete, gretel
maximilian, max
sebastian, basti
alfonso, poncho
francisco, paco, pancho, curro, fran
jose, pepe
guadalupe, lupe
jesus, chucho
ignacio, nacho
enrique, quique
manuel, manolo, manu
dolores, lola
concepcion, concha
rosario, charo
giuseppe, beppe, pino
giovanni, gianni
francesco, franco, cesco
salvatore, toto
aleksandr, sasha, alexander
dmitri, dima, dmitry, dimitri
mikhail, misha, mihail
ivan, vanya
ekaterina, katya, yekaterina
maria, masha, marija
anastasia, nastya
vladimir, vova, volodya
sergei, seryozha, sergey
nikolai, kolya, nikolay
yuri, jurij, iouri
александр, саша, шура
дмитрий, дима, митя
михаил, миша
иван, ваня
екатерина, катя
мария, маша
анастасия, настя
владимир, вова, володя
сергей, серёжа, сережа
николай, коля
елена, лена
ольга, оля
татьяна, таня
наталья, наташа, наталия
κωνσταντίνος, κώστας
δημήτριος, δημήτρης, μήτσος
γεώργιος, γιώργος
ιωάννης, γιάννης
ελένη, λένα
mohammed, muhammad, mohamed, mohammad, mohd
ahmed, ahmad
hussein, husain, hussain
yusuf, yousef, youssef, josef
ali, aly
mehmet, memo
mustafa, mustapha
""")


ABBREVIATIONS = groups("""
street, st, str, st.
road, rd, rd.
avenue, ave, av, ave.
boulevard, blvd, blvd., boul
drive, dr, drv
lane, ln
court, ct, crt
place, pl, plc
square, sq
terrace, tce, terr, ter
crescent, cres, cr
circuit, cct, crct
close, cl
highway, hwy, hway
parkway, pkwy, pky
apartment, apt, apt., unit, #
suite, ste, ste.
floor, fl, flr
building, bldg
north, n, n., nth
south, s, s., sth
east, e, e.
west, w, w.
mount, mt, mt.
saint, st, st., ste
fort, ft
heights, hts
village, vlge, vill
straße, strasse, str., str
rue, r.
calle, c/, c.
avenida, avda, av, av., avda.
plaza, pza, plza
piazza, p.zza, pza
via, v.
corso, c.so
viale, v.le
ulica, ul., ul
улица, ул., ул
проспект, пр., пр-т, просп.
переулок, пер.
город, г., г
company, co, co., comp
corporation, corp, corp.
incorporated, inc, inc.
limited, ltd, ltd., ltda
brothers, bros, bros.
international, intl, int'l, int.
manufacturing, mfg, mfg.
associates, assoc, assoc.
association, assoc, assn, assn.
technologies, technology, tech, tech.
services, svcs, service, svc
solutions, sol., solution
systems, sys, system
group, grp, grp.
holdings, hldgs, holding
industries, inds, ind., industry
national, natl, nat'l, nat.
university, univ, univ., u
institute, inst, inst.
department, dept, dept., dep.
center, centre, ctr
laboratory, lab, labs, laboratories
hospital, hosp, hosp.
general, gen, gen.
medical, med, med.
management, mgmt, mgt
engineering, eng, engg, eng.
development, dev, devt
government, govt, gov't
federal, fed., fed
society, soc, soc.
committee, comm., cttee
journal, j., j, jnl, jour.
transactions, trans., trans, tr.
proceedings, proc., proc
conference, conf., conf
symposium, symp., symp
workshop, wksp, worksh.
review, rev., rev
letters, lett., lett
research, res., res
science, sci., sci
sciences, sci., sci
advances, adv., adv
annals, ann., ann
american, amer., am., am
european, eur., eur
computer, comput., comp.
applied, appl., appl
mathematics, math., maths
physics, phys., phys
medicine, med., med
engineering, eng., engrg.
volume, vol, vol., v., v
number, no, no., nr, #, nº
edition, ed, ed., edn
part, pt, pt.
pages, pp, pp.
second, 2nd
first, 1st
third, 3rd
fourth, 4th
january, jan, jan.
february, feb, feb.
march, mar, mar.
april, apr, apr.
august, aug, aug.
september, sep, sept, sept.
october, oct, oct.
november, nov, nov.
december, dec, dec.
and, &, +
with, w/, w
without, w/o
featuring, feat., ft., feat, ft, f.
versus, vs, vs., v.
professional, pro, prof
standard, std, std., stnd
upgrade, upg, upgd, upgr
windows, win, pc
macintosh, mac, macos, mac os x
software, sw
license, lic, licence, lic.
academic, acad, edu, education
version, ver, ver., v
package, pkg, pack
edition, ed.
black, blk, bk
white, wht, wh
silver, slv, slvr
blue, blu, bl
grey, gray, gry
wireless, wifi, wi-fi
bluetooth, bt
stainless steel, ss, s/s
inch, in, in., ", inches
megapixel, mp, megapixels
gigabyte, gb
terabyte, tb
keyboard, kybd, kbd
television, tv
digital, dig.
memory, mem
processor, cpu, proc
replacement, repl, repl.
compatible, compat
adapter, adaptor, adptr
accessories, acc, access.
brewing, brew, brewery, brewing co
restaurant, rest., ristorante, restaurante
cafe, café, caffe
deluxe, dlx, de luxe
brut, bt.
doctor, dr, dr., doc
mister, mr, mr.
junior, jr, jr.
senior, sr, sr.
""")


TRANSLATIONS = groups("""
munich, münchen, muenchen, monaco di baviera
cologne, köln, koeln
vienna, wien
prague, praha, prag
warsaw, warszawa
rome, roma
florence, firenze
naples, napoli
venice, venezia, venedig
milan, milano
turin, torino
lisbon, lisboa
seville, sevilla
brussels, bruxelles, brussel
antwerp, antwerpen, anvers
the hague, den haag
copenhagen, københavn
gothenburg, göteborg
moscow, москва, moskva
saint petersburg, санкт-петербург, st petersburg
kyiv, kiev, київ
athens, αθήνα, athina
thessaloniki, θεσσαλονίκη, saloniki
bucharest, bucurești
belgrade, beograd
geneva, genève, genf
lucerne, luzern
nuremberg, nürnberg
basel, basle, bâle
zurich, zürich
beijing, 北京, peking
shanghai, 上海
tokyo, 東京
osaka, 大阪
seoul, 서울
bangkok, กรุงเทพ
cairo, القاهرة
jerusalem, ירושלים
mumbai, bombay
kolkata, calcutta
chennai, madras
ho chi minh city, saigon
istanbul, i̇stanbul, constantinople
germany, deutschland, de, allemagne
united states, usa, us, u.s.a., united states of america
united kingdom, uk, gb, great britain
france, frankreich, fr
spain, españa, es
italy, italia, it
netherlands, the netherlands, nl, nederland, holland
austria, österreich, at
switzerland, schweiz, suisse, ch
poland, polska, pl
sweden, sverige, se
turkey, türkiye, tr
russia, россия, ru, russian federation
greece, ελλάδα, gr
japan, 日本, jp
china, 中国, cn
south korea, 대한민국, kr, republic of korea
brazil, brasil, br
""")


COMPANY_FORMS = groups("""
gmbh, g.m.b.h., gesellschaft mbh, gmbh & co. kg, mbh
ag, a.g., aktiengesellschaft
ltd, limited, ltd., pty ltd
inc, incorporated, inc., corp.
llc, l.l.c., limited liability company
corp, corporation, corp., inc.
plc, p.l.c., public limited company
s.a., sa, société anonyme
sarl, s.a.r.l., s.à r.l.
s.l., sl, s.l.u.
s.p.a., spa, società per azioni
s.r.l., srl
b.v., bv
n.v., nv
ab, aktiebolag, a.b.
a.s., as, a/s
oy, oyj
sp. z o.o., sp. zoo, spółka z o.o.
ltda, ltda., limitada
a.ş., aş, anonim şirketi
ооо, общество с ограниченной ответственностью, o.o.o.
зао, пао, оао
株式会社, (株), k.k., co., ltd.
有限公司, 有限责任公司, co. ltd.
주식회사, (주), co., ltd.
""")


VENUES = groups("""
sigmod conference, international conference on management of data, acm sigmod, proc. acm sigmod, \
    sigmod
vldb, very large data bases, proceedings of the vldb endowment, int. conf. on very large data \
    bases, pvldb
icde, international conference on data engineering, ieee icde, data engineering
sigmod record, acm sigmod record
acm transactions on database systems, acm trans. database syst., tods
vldb journal, the vldb journal, vldb j., the international journal on very large data bases
kdd, knowledge discovery and data mining, acm sigkdd, sigkdd conference
icml, international conference on machine learning, proc. int. conf. machine learning
neurips, nips, advances in neural information processing systems, neural information processing \
    systems
aaai, national conference on artificial intelligence, aaai conference on artificial intelligence
ijcai, international joint conference on artificial intelligence
acl, annual meeting of the association for computational linguistics
emnlp, empirical methods in natural language processing
cvpr, computer vision and pattern recognition, ieee cvpr
sigir, research and development in information retrieval, acm sigir
www, international world wide web conference, the web conference
sosp, symposium on operating systems principles
osdi, operating systems design and implementation
sigcomm, acm sigcomm, applications technologies architectures and protocols for computer \
    communication
stoc, symposium on theory of computing, acm stoc
focs, foundations of computer science, ieee focs
soda, symposium on discrete algorithms
popl, principles of programming languages, acm popl
chi, human factors in computing systems, acm chi
icse, international conference on software engineering
communications of the acm, commun. acm, cacm, comm. acm
journal of the acm, j. acm, jacm
ieee transactions on knowledge and data engineering, ieee trans. knowl. data eng., tkde
ieee transactions on pattern analysis and machine intelligence, ieee tpami, pami
journal of machine learning research, jmlr, j. mach. learn. res.
artificial intelligence, artif. intell.
information systems, inf. syst.
nature, nature (london)
science, science (new york n.y.)
proceedings of the national academy of sciences, pnas, proc. natl. acad. sci. usa
the lancet, lancet
new england journal of medicine, n engl j med, nejm
jama, journal of the american medical association
bmj, british medical journal
physical review letters, phys. rev. lett., prl
physical review b, phys. rev. b
journal of applied physics, j. appl. phys.
astrophysical journal, astrophys. j., apj
journal of biological chemistry, j. biol. chem., jbc
nucleic acids research, nucleic acids res., nar
bioinformatics, bioinformatics (oxford)
american economic review, am. econ. rev., aer
quarterly journal of economics, q. j. econ., qje
econometrica, econometrica: journal of the econometric society
american sociological review, am. sociol. rev.
journal of personality and social psychology, j pers soc psychol
psychological science, psychol. sci.
""")


TRANSLITERATION: Mapping[str, str] = MappingProxyType(
    dict(
        word_pairs(
            "а=a,б=b,в=v,г=g,д=d,е=e,ё=e,ж=zh,з=z,и=i,й=y,к=k,л=l,м=m,н=n,о=o,п=p,р=r,с=s,т=t,у=u,"
            "ф=f,х=kh,ц=ts,ч=ch,ш=sh,щ=shch,ъ=,ы=y,ь=,э=e,ю=yu,я=ya,і=i,ї=yi,є=ye,"
            "α=a,β=v,γ=g,δ=d,ε=e,ζ=z,η=i,θ=th,ι=i,κ=k,λ=l,μ=m,ν=n,ξ=x,ο=o,π=p,ρ=r,σ=s,ς=s,τ=t,"
            "υ=y,φ=f,χ=ch,ψ=ps,ω=o,ά=a,έ=e,ή=i,ί=i,ό=o,ύ=y,ώ=o,ϊ=i,ϋ=y,"
            "א=a,ב=b,ג=g,ד=d,ה=h,ו=v,ז=z,ח=ch,ט=t,י=y,כ=k,ך=k,ל=l,מ=m,ם=m,נ=n,ן=n,ס=s,ע=a,פ=p,ף=f,"
            "צ=ts,ץ=ts,ק=k,ר=r,ש=sh,ת=t,"
            "ا=a,أ=a,إ=i,آ=a,ب=b,ت=t,ث=th,ج=j,ح=h,خ=kh,د=d,ذ=dh,ر=r,ز=z,س=s,ش=sh,ص=s,ض=d,ط=t,ظ=z,"
            "ع=a,غ=gh,ف=f,ق=q,ك=k,ل=l,م=m,ن=n,ه=h,و=w,ي=y,ى=a,ة=a,ء="
        )
    )
)
"""How a small letter of another alphabet is written in Latin ones."""


HANGUL_INITIALS = syllable_parts("g kk n d tt r m b pp s ss _ j jj ch k t p h")


HANGUL_VOWELS = syllable_parts("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")


HANGUL_FINALS = syllable_parts("_ k k k n n n t l k m l l l p l m p p t t ng t t k t p t")
"""The parts of a Korean syllable, in the order of Unicode."""


SPELT_ACCENTS: Mapping[str, str] = MappingProxyType(
    dict(word_pairs("ä=ae,ö=oe,ü=ue,ß=ss,Ä=Ae,Ö=Oe,Ü=Ue,å=aa,ø=oe,æ=ae,ł=l,đ=d,ı=i,þ=th"))
)
"""Letters that are written as two where the accent cannot be."""


KEYBOARD: Mapping[str, str] = MappingProxyType(
    {
        key: neighbours
        for row in split_words("""
            q:wa w:qes e:wrd r:etf t:ryg y:tuh u:yij i:uok o:ipl p:ol a:qsz s:adwx d:sfec f:dgrv
            g:fhtb h:gjyn j:hkum k:jlim l:kop z:asx x:zsdc c:xdfv v:cfgb b:vghn n:bhjm m:njk
            1:2 2:13 3:24 4:35 5:46 6:57 7:68 8:79 9:80 0:9
        """)
        for key, neighbours in [row.split(":")]
    }
)
"""The keys beside a key."""


LOOKALIKES = word_pairs(
    "rn=m,m=rn,cl=d,d=cl,vv=w,w=vv,o=0,0=o,l=1,1=l,i=l,l=i,i=1,s=5,5=s,b=8,8=b,e=c,c=e,u=v,v=u,"
    "n=h,h=n,a=o,o=a,g=q,q=g,f=t,t=f,z=2,2=z,6=b,nn=m,in=m,li=h,ii=n,y=v,r=n,t=l"
)
"""What a scanner or a tired reader takes for what."""


SOUNDALIKES = word_pairs(
    "ph=f,f=ph,ck=k,k=ck,ie=y,y=ie,ey=y,y=ey,c=k,k=c,z=s,s=z,ee=ea,ea=ee,ai=ay,ay=ai,ll=l,l=ll,"
    "th=t,t=th,tz=z,z=tz,sch=sh,sh=sch,dt=tt,d=dt,mac=mc,mc=mac,ei=ai,ai=ei,w=v,v=w,x=ks,ks=x,"
    "qu=kw,gh=,nn=n,n=nn,ss=s,s=ss,tt=t,t=tt,rr=r,mm=m,pp=p,ff=f,ou=u,u=ou,oo=u,au=o,ow=ou,i=y,"
    "y=i,e=a,a=e,o=u,h=,er=ar,ar=er,or=er,son=sen,sen=son,man=mann,mann=man,j=g,g=j,ch=k"
)
"""Spellings that sound alike."""


MONTHS = split_words(
    "january february march april may june july august september october november december"
)


SHOP_NOISE = phrases("""
    - amazon.com, | ebay, new, brand new, oem, retail, free shipping, refurbished, used, in stock,
    best price, sale, - best buy, | newegg.com, - walmart.com, wholesale price, bulk, hot deal,
    price comparison, - buy online, official, genuine, original, (new), "null", @en, @en-us, @de,
    neu, nuevo, nouveau, nuovo, prijzen, preisvergleich, comprar, kaufen, acheter, pas cher, uk,
    - fast delivery, warranty, 1 yr warranty, each, retail box, open box, discontinued, no tax,
    special offer, clearance, new sealed, usa, eu plug, - cdw, | ocuk, online store, at low price,
    reviews and prices, specs, buy, cheap, | tweakers, for sale, shop, part no., item, nib, new in \
    box
""")


FILLER = phrases("""
    inc, the, (disambiguation), ltd, new, old, n/a, unknown, tbc, c/o, attn, etc, misc, de, la
""")
