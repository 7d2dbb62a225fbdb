"""Tables of words from which training records are made and corrupted.

Everything here is data: tuples of words and mappings between the forms a word is written in. The
grammars that combine them are in the modules of the domains.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dedupe.scoring.augment.words import groups, phrases, split_words, word_pairs

NULLS = phrases("n/a, null, none, -, unknown, nan, ?, not available, na, 0")


SYLLABLES = split_words("""
    ba be bi bo bra bre da de di do dra fa fe fi fo ga ge gi go gra ha he hi ho ja je jo ka ke ki ko
    kra la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po ra re ri ro ru sa se si so su sta
    ta te ti to tu va ve vi vo wa we wi ya yo za ze zo tha sha che qui
""")


SURNAME_ENDS = split_words("""
    son ton ley man berg ford well ham stein ski ova ic vic ez ini elli ard eau ier mann wald feld
    burg bach ström lund sen gaard wood worth by shaw ster kin ak enko yan ides poulos oglu
""")


COMMON_PLACES = phrases("""
    springfield, franklin, clinton, greenville, salem, georgetown, fairview, madison, washington,
    arlington, ashland, dover, oxford, jackson, burlington, manchester, milton, newport, auburn,
    centerville, lexington, cleveland, hudson, kingston, mount vernon, riverside, winchester,
    san jose, santa maria, san juan, santa cruz, villanueva, neustadt, neuhausen, rosenheim,
    saint-martin, saint-denis, villeneuve, montreuil, castelnuovo, san giovanni, nowa wieś, newtown,
    richmond, hamilton, victoria, perth, cambridge, bristol, boston, plymouth, halifax, london
""")


REGIONS = phrases("""
    ohio, texas, california, oregon, illinois, new york, ontario, kentucky, virginia, maine, \
    georgia,
    new jersey, tennessee, indiana, victoria, queensland, new south wales, tasmania, bavaria, \
    saxony,
    hesse, normandy, brittany, tuscany, lombardy, andalusia, catalonia, galicia, yorkshire, kent,
    devon, cornwall, norfolk, suffolk, somerset, essex, quebec, nova scotia, alberta, manitoba,
    ulster, munster, connacht, gelderland, friesland, flanders, wallonia, tyrol, styria, carinthia,
    silesia, masovia, pomerania, skåne, dalarna, jalisco, oaxaca, minas gerais, bahia, punjab, \
    kerala,
    gujarat, hokkaido, kyushu, sichuan, guangdong, anatolia, thrace, crete, sicily, sardinia
""")


ITALIAN_TOWNS = phrases("""
    Roma, Milano, Napoli, Torino, Palermo, Genova, Bologna, Firenze, Bari, Catania, Venezia, Verona,
    Messina, Padova, Trieste, Taranto, Brescia, Parma, Prato, Modena, Reggio Emilia, Perugia,
    Ravenna, Livorno, Cagliari, Foggia, Rimini, Salerno, Ferrara, Sassari, Latina, Monza, Siracusa,
    Pescara, Bergamo, Forlì, Trento, Vicenza, Terni, Bolzano, Novara, Piacenza, Ancona, Andria,
    Arezzo, Udine, Cesena, Lecce, Pesaro, Barletta, Alessandria, La Spezia, Pisa, Pistoia, Lucca,
    Caserta, Matera, Siena, Cuneo, Asti, Mantova, Sanremo, Cefalù, Gubbio, Assisi, Orvieto, Chioggia,
    Bassano del Grappa, San Giovanni Rotondo, Castelfranco Veneto, Spigno Saturnia, Volterra, Noto
""")
"""Faker's own list of them comes in another order in every process."""


JOBS = phrases("""
    teacher, nurse, engineer, farmer, clerk, carpenter, physician, lawyer, merchant, painter, \
    writer,
    poet, politician, soldier, officer, architect, botanist, chemist, baker, butcher, blacksmith,
    miner, weaver, tailor, sailor, printer, driver, mechanic, cook, distilled, journalist, cricketer,
    footballer, actor, composer, musician, sculptor, historian, priest, bishop, judge, surgeon,
    accountant, sales manager, data analyst, consultant, electrician, plumber, shop assistant
""")


PRODUCTS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        noun: (category, phrases(brands), phrases(features))
        for noun, category, brands, features in (
            (
                "laptop",
                "computers, laptops",
                "lenovo, hp, dell, asus, acer, toshiba, sony, msi, samsung, fujitsu, medion",
                "i5-8250u, i7-9750h, i3-1005g1, core 2 duo, 8 gb ram, 16 gb ram, 256 gb ssd, 512 "
                "gb ssd, 1 tb hdd, 15.6 inch, 14 inch, 13.3 inch, windows 10 pro, windows 7 home, "
                "touchscreen",
            ),
            (
                "digital camera",
                "cameras",
                "canon, nikon, sony, olympus, panasonic, fujifilm, pentax, kodak, casio, samsung, "
                "leica",
                "12.1 megapixel, 16 megapixel, 20.2 megapixel, 24 megapixel, 3x optical zoom, 10x "
                "zoom, body only, kit 18-55mm, with 24-70mm lens, full hd video, 3 inch lcd, "
                "waterproof",
            ),
            (
                "lens",
                "camera lenses",
                "canon, nikon, sigma, tamron, sony, tokina, zeiss, samyang",
                "10-22mm, 18-55mm, 24-70mm, 50mm, 70-200mm, 85mm, 100mm macro, f/1.4, f/1.8, "
                "f/2.8, f/3.5-5.6, usm, is ii, di ii, stabilised",
            ),
            (
                "hard drive",
                "hard drives, storage",
                "seagate, western digital, toshiba, hitachi, samsung, maxtor, lacie, hp, ibm",
                "160 gb, 250 gb, 500 gb, 1 tb, 2 tb, 3 tb, 4 tb, 5400 rpm, 7200 rpm, 15k rpm, "
                "sata, sas, usb 3.0, 2.5 inch, 3.5 inch, 64 mb cache, external, portable",
            ),
            (
                "ssd",
                "solid state drives",
                "samsung, crucial, kingston, sandisk, intel, ocz, corsair, adata",
                "120 gb, 128 gb, 240 gb, 250 gb, 256 gb, 480 gb, 500 gb, 1 tb, sata iii, m.2 "
                "nvme, 2.5 inch",
            ),
            (
                "memory module",
                "memory",
                "kingston, corsair, crucial, samsung, hp, dell, transcend, micron, g.skill, hynix",
                "1 gb, 2 gb, 4 gb, 8 gb, 16 gb, 2x4 gb, 2x8 gb, ddr2, ddr3, ddr4, 1333 mhz, 1600 "
                "mhz, 2400 mhz, 3200 mhz, cl9, cl16, ecc, registered, sodimm, dimm",
            ),
            (
                "memory card",
                "flash memory",
                "sandisk, lexar, kingston, transcend, samsung, sony, toshiba",
                "4 gb, 8 gb, 16 gb, 32 gb, 64 gb, 128 gb, sdhc, sdxc, microsd, compactflash, "
                "class 10, 95 mb/s, 160 mb/s, uhs-i, with adapter",
            ),
            (
                "processor",
                "cpus",
                "intel, amd, hp, dell",
                "xeon e5-2620, xeon e5-2640, core i5-4460, core i7-4790k, ryzen 5 1600, ryzen 7 "
                "2700x, 2.26 ghz, 2.4 ghz, 3.2 ghz, 4.0 ghz, quad-core, 6-core, 8-core, lga1150, "
                "am4, boxed, tray",
            ),
            (
                "graphics card",
                "video cards",
                "asus, msi, gigabyte, evga, sapphire, zotac, pny, xfx, palit",
                "geforce gtx 1050, geforce gtx 1060, geforce gtx 1070, radeon rx 570, radeon rx "
                "580, 2 gb, 3 gb, 4 gb, 6 gb, 8 gb, gddr5, oc edition, dual fan, pcie x16",
            ),
            (
                "monitor",
                "monitors",
                "dell, samsung, lg, benq, acer, asus, viewsonic, hp, philips, aoc, eizo, nec",
                "19 inch, 21.5 inch, 22 inch, 24 inch, 27 inch, 1920x1080, 2560x1440, ips, led, "
                "lcd, 75 hz, 144 hz, curved",
            ),
            (
                "printer",
                "printers",
                "hp, canon, epson, brother, xerox, lexmark, samsung, kyocera, oki",
                "laserjet, inkjet, all-in-one, duplex, wireless, 20 ppm, 30 ppm, 1200 dpi, a3, "
                "a4, colour, mono",
            ),
            (
                "toner cartridge",
                "printer ink, toner",
                "hp, brother, lexmark, xerox, samsung, innovera, dataproducts, kyocera, ricoh",
                "black, cyan, magenta, yellow, high yield, standard yield, 2500 pages, 5000 "
                "pages, 12000 pages, compatible, remanufactured, 2-pack",
            ),
            (
                "router",
                "networking",
                "netgear, tp-link, linksys, d-link, asus, cisco, belkin, zyxel, buffalo",
                "n150, n300, n600, ac1200, ac1750, ac1900, dual band, gigabit, 4-port, wireless, "
                "vpn, adsl2+",
            ),
            (
                "network switch",
                "networking",
                "cisco, netgear, hp, tp-link, d-link, zyxel, 3com",
                "5-port, 8-port, 16-port, 24-port, 48-port, gigabit, 10/100, poe, managed, "
                "unmanaged, rackmount",
            ),
            (
                "television",
                "tv, home theater",
                "sony, samsung, lg, panasonic, philips, toshiba, sharp, vizio, hisense, tcl, "
                "grundig",
                "32 inch, 40 inch, 42 inch, 46 inch, 50 inch, 55 inch, 65 inch, 720p, 1080p, 4k "
                "uhd, led, oled, plasma, 3d, 60 hz, 120 hz, smart",
            ),
            (
                "headphones",
                "headphones, audio",
                "sony, bose, sennheiser, beats, jbl, akg, philips, audio-technica, jabra, "
                "skullcandy, shure",
                "black, white, red, blue, silver, wireless, in-ear, on-ear, over-ear, noise "
                "cancelling, bluetooth, with mic",
            ),
            (
                "speaker",
                "speakers, audio",
                "bose, jbl, sony, logitech, yamaha, klipsch, polk audio, creative, harman kardon",
                "2.1, 5.1, 40 watt, 100 watt, 150 watt, bookshelf, center channel, subwoofer, "
                "bluetooth, portable, pair, black, white, cherry, maple",
            ),
            (
                "smartphone",
                "cell phones",
                "apple, samsung, nokia, motorola, htc, lg, sony, huawei, xiaomi, oneplus, "
                "blackberry",
                "16 gb, 32 gb, 64 gb, 128 gb, 256 gb, black, white, gold, silver, space grey, "
                "unlocked, dual sim, at&t, verizon",
            ),
            (
                "tablet",
                "tablets",
                "apple, samsung, asus, lenovo, amazon, acer, huawei, microsoft",
                "16 gb, 32 gb, 64 gb, 128 gb, 7 inch, 8 inch, 9.7 inch, 10.1 inch, wi-fi, 4g, "
                "lte, black, white",
            ),
            (
                "keyboard",
                "computer accessories",
                "logitech, microsoft, razer, corsair, cherry, hp, kensington, dell",
                "black, white, wireless, usb, ergonomic, mechanical, backlit, german layout, us "
                "layout, uk layout, mx brown, mx red",
            ),
            (
                "mouse",
                "computer accessories",
                "logitech, microsoft, razer, corsair, kensington, hp, trust, steelseries",
                "black, white, red, wireless, optical, laser, usb, bluetooth, 1600 dpi, 5 "
                "buttons, left-handed",
            ),
            (
                "phone case",
                "cases, covers",
                "otterbox, tribeca, belkin, speck, incipio, case-mate, griffin, spigen",
                "iphone 4, iphone 5, iphone 6, iphone 7 plus, galaxy s5, galaxy s8, black, clear, "
                "pink, blue, silicone, leather, hard shell, wallet",
            ),
            (
                "battery",
                "batteries, power",
                "energizer, duracell, lenmar, apc, panasonic, sony, canon, dantona",
                "aa, aaa, 9v, cr2032, 4-pack, 8-pack, 20-pack, li-ion, nimh, 1800 mah, 2200 mah, "
                "4400 mah, 12v, rechargeable",
            ),
            (
                "cable",
                "cables",
                "belkin, startech, monster, tripp lite, c2g, ativa, hama, griffin",
                "hdmi, usb, displayport, vga, dvi, cat5e, cat6, 3 ft, 6 ft, 10 ft, 25 ft, 2 m, 5 "
                "m, black, white, grey, male to male, male to female",
            ),
            (
                "bag",
                "bags, cases",
                "case logic, targus, samsonite, lowepro, sumdex, tamrac, kensington, swissgear",
                "black, grey, red, 13 inch, 15.4 inch, 16 inch, 17 inch, backpack, sling, sleeve, "
                "rolling, nylon, leather",
            ),
            (
                "vacuum cleaner",
                "home, appliances",
                "dyson, hoover, miele, bosch, electrolux, bissell, philips, shark, rowenta, aeg",
                "bagless, upright, cordless, 1200 watt, 1600 watt, 2000 watt, hepa, pet, red, "
                "silver, blue",
            ),
            (
                "coffee maker",
                "kitchen",
                "bosch, delonghi, krups, philips, cuisinart, keurig, braun, melitta, siemens, jura",
                "4-cup, 10-cup, 12-cup, thermal, espresso, single serve, black, stainless steel, "
                "white, red, with grinder",
            ),
            (
                "drill",
                "tools",
                "bosch, makita, dewalt, black & decker, milwaukee, ryobi, metabo, einhell",
                "12v, 14.4v, 18v, 20v, cordless, hammer, 2 batteries, bare tool, 500 watt, 750 "
                "watt, with case",
            ),
            (
                "running shoes",
                "shoes",
                "nike, adidas, asics, brooks, new balance, puma, saucony, mizuno, reebok",
                "men's, women's, kids', size 7, size 8, size 9, size 9.5, size 10, size 42, size "
                "43, black, white, blue, navy, red",
            ),
            (
                "watch",
                "watches",
                "casio, seiko, citizen, timex, fossil, garmin, tissot, swatch, bulova",
                "men's, women's, 38 mm, 42 mm, 44 mm, leather strap, stainless steel, black dial, "
                "blue dial, white dial, chronograph, solar",
            ),
            (
                "shampoo",
                "beauty, hair care",
                "l'oreal, pantene, dove, garnier, nivea, head & shoulders, schwarzkopf, kerastase",
                "200 ml, 250 ml, 300 ml, 400 ml, 500 ml, anti-dandruff, colour protect, dry hair, "
                "2-pack, 3-pack, moisturising",
            ),
            (
                "chocolate",
                "grocery, snacks",
                "lindt, milka, cadbury, nestle, hershey's, ritter sport, godiva, toblerone",
                "100 g, 200 g, 300 g, 70% cocoa, 85% cocoa, milk, dark, white, hazelnut, sea "
                "salt, orange, 6-pack, 12-pack",
            ),
            (
                "car stereo",
                "car electronics",
                "pioneer, kenwood, alpine, jvc, sony, clarion, boss, pyle",
                "double din, single din, bluetooth, cd, dvd, 6.2 inch, 7 inch, 4 x 50 watt, hd "
                "radio, touchscreen",
            ),
            (
                "projector",
                "projectors",
                "epson, benq, optoma, nec, sony, acer, viewsonic, infocus",
                "2700 lumens, 3000 lumens, 3500 lumens, xga, wxga, 1080p, short throw, 3lcd, dlp, "
                "lamp included",
            ),
            (
                "projection screen",
                "projection screens",
                "elite screens, da-lite, draper, optoma, epson",
                "84 inch, 85 inch, 100 inch, 120 inch, 150 inch, fixed frame, pull-down, "
                "motorised, tripod, 16:9, 4:3, matte white, grey",
            ),
            (
                "ip camera",
                "security",
                "d-link, axis, hikvision, foscam, vivotek, dahua, trendnet",
                "indoor, outdoor, dome, bullet, 720p, 1080p, 2 megapixel, 4 megapixel, poe, "
                "wireless, night vision, pan/tilt",
            ),
            (
                "desk lamp",
                "office, lighting",
                "ikea, philips, osram, artemide, brilliant, paulmann",
                "led, 40 watt, 60 watt, e14, e27, black, white, chrome, dimmable, clamp, warm "
                "white, cool white",
            ),
            (
                "office chair",
                "furniture",
                "ikea, steelcase, herman miller, topstar, hon, safco, global",
                "black, grey, blue, mesh, leather, with arms, without arms, high back, mid back, "
                "swivel",
            ),
            (
                "toy set",
                "toys",
                "lego, playmobil, hasbro, mattel, ravensburger, hot wheels, fisher-price, barbie",
                "fire station, police car, castle, pirate ship, 500 pieces, 1000 pieces, age 3+, "
                "age 6+, deluxe, city, space, family pack",
            ),
        )
    }
)
"""For each kind of product: its categories, the brands, the features that tell variants apart."""


SERIES = split_words("""
    aspire pavilion inspiron latitude thinkpad satellite vaio elitebook vivobook coolpix powershot
    cybershot lumix finepix stylus exilim barracuda caviar travelstar evo fury vengeance ballistix
    ultra extreme elite phaser deskjet pixma workforce archer nighthawk bravia viera aquos \
    quietcomfort
    momentum soundlink galaxy lumia xperia ideapad transformer optima prestige classic premium \
    signature
    voyager titan phantom nova vertex apex zenith comet orbit pulse fusion quantum matrix vector \
    spectra
    atlas horizon summit legacy heritage essential comfort urban sport active flex swift blade edge
""")


COLOURS = split_words(
    "black white silver grey red blue green gold pink purple brown orange yellow beige"
)


SOFTWARE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        maker: phrases(titles)
        for maker, titles in (
            (
                "microsoft",
                "office, windows vista, windows xp, windows 7, word, excel, access, visio, "
                "project, sql server, exchange server, visual studio, money, works, streets & "
                "trips, mappoint, encarta, onenote, publisher",
            ),
            (
                "adobe",
                "photoshop, photoshop elements, illustrator, indesign, acrobat, dreamweaver, "
                "flash, premiere, after effects, creative suite, fireworks, lightroom, "
                "framemaker, contribute, audition, soundbooth",
            ),
            (
                "apple",
                "ilife, iwork, final cut studio, logic pro, aperture, mac os x, remote desktop, "
                "shake",
            ),
            (
                "symantec",
                "norton antivirus, norton internet security, norton 360, backup exec, ghost, "
                "pcanywhere, systemworks",
            ),
            (
                "intuit",
                "quickbooks, quicken, turbotax, quickbooks point of sale, quicken rental property "
                "manager",
            ),
            (
                "corel",
                "coreldraw, paint shop pro, painter, wordperfect office, videostudio, windvd",
            ),
            ("mcafee", "internet security suite, virusscan, total protection"),
            ("autodesk", "autocad, autocad lt, maya, 3ds max, sketchbook, autosketch"),
            ("roxio", "easy media creator, toast titanium, easy vhs to dvd, popcorn"),
            ("nuance", "dragon naturallyspeaking, omnipage, paperport, pdf converter"),
            ("sage", "peachtree complete accounting, act!, simply accounting, mas 90"),
            (
                "broderbund",
                "print shop, printmaster, family tree maker, calendar creator, mavis beacon "
                "teaches typing",
            ),
            (
                "encore",
                "hoyle card games, hoyle casino, math advantage, advantage learning, instant "
                "immersion",
            ),
            (
                "topics entertainment",
                "instant spanish, instant french, instant german, snap! calculus, bible library",
            ),
            (
                "individual software",
                "typing instructor, professor teaches excel, resumemaker, anytime organizer",
            ),
            (
                "learning company",
                "reader rabbit, cluefinders, carmen sandiego, oregon trail, spanish for dummies",
            ),
            (
                "electronic arts",
                "the sims, need for speed, battlefield, madden nfl, fifa soccer, medal of honor",
            ),
            ("valve", "half-life, portal, team fortress, left 4 dead"),
            (
                "sony creative software",
                "vegas movie studio, acid music studio, sound forge, dvd architect",
            ),
            ("steinberg", "cubase, wavelab, nuendo, halion, sequel"),
            ("cakewalk", "sonar, music creator, guitar tracks, dimension"),
            ("kaspersky lab", "anti-virus, internet security, total security"),
            ("nero", "nero ultra edition, nero burning rom, nero backitup"),
            ("sap", "crystal reports, business one, crystal xcelsius"),
            ("filemaker", "filemaker pro, filemaker server, bento"),
            ("vmware", "fusion, workstation, player, vsphere"),
            ("parallels", "desktop for mac, virtuozzo, workstation"),
            ("punch software", "home design architectural series, super home suite, landscape pro"),
            ("global marketing partners", "visual math, middle school advantage, 1000 best games"),
            (
                "nova development",
                "art explosion, photo explosion, greeting card factory, hallmark card studio",
            ),
        )
    }
)


SOFTWARE_EDITIONS = split_words(
    "standard professional premium home distilled ultimate deluxe enterprise basic small-business plus "
    "platinum gold express starter developer extended web production design"
)


SOFTWARE_TERMS = phrases(
    "upgrade, academic, education edition, 1 user, 3 users, 5 users, 10 users, competitive upgrade, "
    "25 licenses, 1 year subscription, 3 pc, server, client, add-on, update, distilled edition"
)


SOFTWARE_WRAPPING = phrases(
    "full version, complete package, complete product, license, box, retail, cd-rom, dvd, software, "
    "- pc, for windows, oem, small box, jewel case, - 1 user, english, (win), windows, - new"
)


PLATFORM_PORTS = phrases("mac, linux, ps2, xbox 360, wii, nintendo ds")


PLATFORMS = phrases("win, mac, win/mac, pc, linux, windows xp/vista, mac os x, ps2, xbox 360, wii")


LANGUAGES = split_words(
    "english german french spanish italian dutch portuguese japanese polish swedish"
)


TOPICS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        field: (phrases(things), phrases(qualities), phrases(settings))
        for field, things, qualities, settings in (
            (
                "computing",
                "query optimization, schema matching, concurrency control, data integration, "
                "association rules, materialized views, similarity joins, entity resolution, "
                "stream processing, transaction recovery, neural networks, graph partitioning, "
                "index structures, access control, type inference, program verification, "
                "consensus protocols, congestion control, speech recognition, object detection, "
                "machine translation, web caching, xml publishing, keyword search, workflow "
                "management, garbage collection, register allocation, load balancing, spatial "
                "indexing, buffer management, semantic caching, selectivity estimation, data "
                "cubes, decision trees",
                "efficient, scalable, adaptive, distributed, optimistic, incremental, "
                "approximate, robust, parallel, probabilistic, declarative, cost-based, "
                "fault-tolerant, secure, real-time, online, unsupervised, deep, self-tuning, "
                "hierarchical",
                "relational databases, large networks, sensor networks, data warehouses, the web, "
                "main memory systems, mobile environments, peer-to-peer systems, the cloud, high "
                "dimensions, object-oriented databases, multicore processors, digital libraries, "
                "heterogeneous sources, embedded devices, social media, temporal data, "
                "semistructured data",
            ),
            (
                "medicine",
                "blood pressure, insulin resistance, breast cancer, coronary artery disease, "
                "asthma, postoperative pain, vitamin d supplementation, antibiotic resistance, "
                "hip replacement, renal failure, depression, stroke, hepatitis c infection, gene "
                "expression, bone density, sleep apnea, malaria transmission, preterm birth, "
                "statin therapy, influenza vaccination",
                "acute, chronic, severe, early, long-term, recurrent, pediatric, familial, "
                "combined, low-dose, randomized, prospective, minimally invasive, intensive",
                "elderly patients, children under five, pregnant women, primary care, intensive "
                "care units, sub-saharan africa, a multicenter trial, the united states, type 2 "
                "diabetes, hemodialysis patients, healthy volunteers, rural communities, "
                "adolescents, the emergency department",
            ),
            (
                "physics",
                "quantum entanglement, spin waves, superconductivity, dark matter, neutron "
                "scattering, gravitational lensing, turbulence, phase transitions, thin films, "
                "band structure, photonic crystals, graphene, plasma instabilities, cosmic rays, "
                "magnetic resonance, carbon nanotubes, optical lattices, black hole entropy, "
                "neutrino oscillations, heat transport",
                "anomalous, nonlinear, thermal, strongly correlated, ultrafast, topological, "
                "relativistic, disordered, coherent, high-pressure, low-temperature, "
                "two-dimensional",
                "semiconductor heterostructures, the early universe, cold atoms, galaxy clusters, "
                "iron-based compounds, a magnetic field, heavy-ion collisions, liquid helium, "
                "transition metal oxides, rotating flows, silicon, colloidal suspensions",
            ),
            (
                "society",
                "income inequality, school choice, labor markets, voter turnout, urban "
                "segregation, corporate governance, monetary policy, social capital, migration, "
                "gender roles, consumer behavior, public trust, trade liberalization, welfare "
                "reform, collective memory, civil war, job satisfaction, housing prices, language "
                "policy, household debt",
                "comparative, regional, rational, informal, historical, political, structural, "
                "subjective, dynamic, optimal, strategic, cross-national",
                "developing countries, postwar europe, east asia, the european union, rural "
                "india, american cities, latin america, small firms, higher education, new "
                "democracies, the welfare state, online communities, south africa, the great "
                "depression",
            ),
            (
                "biology",
                "protein folding, cell migration, dna repair, seed dispersal, bird song, gene "
                "regulation, membrane transport, photosynthesis, species diversity, mating "
                "behavior, mitochondrial dna, rna splicing, predator avoidance, soil microbes, "
                "enzyme kinetics, coral bleaching",
                "comparative, molecular, adaptive, seasonal, evolutionary, functional, "
                "phylogenetic, tissue-specific, ecological, genome-wide",
                "arabidopsis thaliana, drosophila melanogaster, saccharomyces cerevisiae, "
                "tropical forests, freshwater fish, the baltic sea, escherichia coli, zebrafish, "
                "alpine plants, mouse models",
            ),
        )
    }
)


PAPER_TEMPLATES = groups("""
{Q} {T} in {S}
{T} for {S}
{Q} {T}
{T}: a {Q} approach
on the {Q} nature of {T} in {S}
a {Q} model of {T}
{T} and {U} in {S}
towards {Q} {T} for {S}
{M}: {Q} {T} for {S}
{M}: a system for {Q} {T}
the role of {T} in {S}
effects of {T} on {U} in {S}
{T} in {S}: a survey
using {T} to understand {U}
an experimental study of {Q} {T}
{Q} {T} with {U}
does {T} affect {U}?
a comparison of {T} and {U}
evaluating {Q} {T} over {S}
{T} revisited
beyond {T}: {Q} {U} in {S}
measurement of {Q} {T} in {S}
a note on {T}
the {M} project: {T} and {U}
how {Q} is {T} in {S}?
""")


WORK_NOUNS = split_words("""
    night day heart river stone fire shadow garden house road city star moon winter summer storm sea
    island mountain bird wolf lion king queen prince thief soldier stranger child mother father
    daughter brother sister lover friend enemy ghost angel devil dream memory secret promise lie \
    truth
    war peace blood bone glass mirror window door key letter song dance train ship bridge tower wall
    forest desert valley horizon sun rain snow wind time hour year century empire kingdom crown \
    sword
    rose apple silver gold diamond circus hotel station school church prison hospital game murder
    crime justice revenge escape return fall rise end beginning world life death love
""")


WORK_QUALITIES = split_words("""
    last first lost hidden dark bright long silent broken golden black white red blue green wild \
    quiet
    secret strange lonely perfect little great old new dead invisible burning frozen empty endless
    forgotten sacred savage sweet bitter cold warm final eternal electric midnight crimson distant
""")


WORK_TEMPLATES = groups("""
the {q} {n}
{q} {n}
the {n} of {m}
{n} of the {m}
the {n} and the {m}
{n} in the {m}
a {n} for {m}
{n}
the {n}
{q} {n}s
{n}s and {m}s
my {q} {n}
when the {n} falls
beyond the {n}
{n} without {m}
under the {q} {n}
no {n} for {m}
the {n}'s {m}
waiting for the {n}
{p}
{p}'s {n}
the {n} of {p}
{p} and the {n}
goodbye {p}
""")


SUBTITLES = phrases("""
    the return, the final chapter, the beginning, resurrection, reloaded, legacy, origins, uprising,
    the awakening, judgment day, the lost world, a new hope, revenge, the reckoning, homecoming,
    part two, the next generation, redemption, dead reckoning, genesis
""")


GENRES_FILM = split_words(
    "drama comedy thriller horror western documentary animation romance action short family "
    "musical crime adventure mystery sci-fi fantasy war film-noir"
)


GENRES_MUSIC = split_words(
    "rock pop jazz blues folk country classical reggae soundtrack metal punk indie electronic house "
    "techno hip-hop rap soul funk gospel latin newage misc data"
)


BAND_TEMPLATES = groups("""
the {n}s
{q} {n}
the {q} {n}s
{n} & {m}
{n}
{p}
{p}
{p} and the {n}s
{p} trio
{q} {n} orchestra
dj {n}
{m} {n}
""")


ROMAN = split_words("I II III IV V VI VII VIII IX X XI XII")


PUBLISHERS = phrases("""
    penguin, random house, harpercollins, simon & schuster, macmillan, oxford university press,
    cambridge university press, springer, wiley, elsevier, mcgraw-hill, prentice hall, o'reilly,
    addison-wesley, pearson, scholastic, suhrkamp, gallimard, mondadori, planeta, rowohlt, fischer,
    vintage, bantam, faber and faber, bloomsbury, routledge, mit press, norton, dover
""")


BOOK_FORMATS = phrases(
    "hardcover, paperback, kindle edition, audio cd, mass market paperback, ebook"
)


BOOK_SUBJECTS = phrases("""
    organic chemistry, linear algebra, microeconomics, human anatomy, world history, modern physics,
    criminal law, python programming, java programming, data structures, operating systems, \
    statistics,
    american literature, nursing care, financial accounting, marketing management, calculus, \
    genetics,
    french cooking, bread baking, knitting, bird watching, gardening, chess openings, digital
    photography, watercolor painting, spanish grammar, philosophy of mind, social psychology
""")


BOOK_TEMPLATES = groups("""
introduction to {b}
principles of {b}
{b}
{b}: theory and practice
fundamentals of {b}
{b} for dummies
the complete guide to {b}
{b} in a nutshell
advanced {b}
a short history of {b}
essentials of {b}
handbook of {b}
""")


CUISINES = phrases("""
    italian, french, american, mexican, chinese, japanese, thai, indian, mediterranean, steakhouse,
    seafood, californian, delis, pizza, greek, spanish, vietnamese, korean, bbq, southern, \
    cafeterias,
    coffee shops, hamburgers, continental, asian, fast food, vegetarian, turkish, lebanese, sushi
""")


RESTAURANT_TEMPLATES = groups("""
{p}'s
{p}'s {k}
the {q} {n}
{q} {n} {k}
cafe {n}
chez {p}
la {n}
il {n}
{k} {p}
{n} & {m}
the {n} {k}
{k} on {street}
{city} {k}
trattoria {p}
golden {n}
el {n}
{q} {k}
{s}
{n} house
new {city} {k}
""")


RESTAURANT_KINDS = phrases("""
    grill, bistro, cafe, restaurant, kitchen, diner, deli, tavern, bar & grill, pizzeria, \
    steakhouse,
    trattoria, brasserie, noodle house, oyster bar, bakery, cantina, taqueria, sushi bar, curry \
    house
""")


BEER_STYLES = phrases("""
    american amber / red ale, american ipa, india pale ale (ipa), imperial ipa, american pale ale,
    english bitter, imperial stout, oatmeal stout, milk stout, porter, baltic porter, hefeweizen,
    witbier, saison, tripel, dubbel, pilsener, märzen / oktoberfest, bock, doppelbock, kölsch,
    irish red ale, scottish ale, brown ale, barleywine, gose, berliner weisse, lambic, rye beer,
    pumpkin ale, winter warmer, cream ale, black ipa, fruit beer, smoked beer
""")


BEER_TYPES = phrases("""
    ipa, pale ale, amber ale, red ale, imperial red ale, stout, imperial stout, porter, lager, \
    pilsner,
    saison, wheat, brown ale, blonde, double ipa, session ipa, tripel, barleywine, bitter, rye ale,
    irish red, kölsch, bock, hefeweizen, wit, cream ale, sour, gose
""")


BEER_VARIANTS = phrases("""
    bourbon barrel aged, rum barrel aged, nitro, dry hopped, imperial, double, unfiltered, with \
    coffee,
    with vanilla, with cherries, 2012, 2013, 2014, cask, reserve, mango, grapefruit, black, white,
    session, triple, chocolate, maple, pumpkin, smoked
""")


COUNTRIES = phrases("""
    albania, algeria, andorra, argentina, armenia, australia, austria, azerbaijan, bahrain, \
    bangladesh,
    belarus, belgium, bolivia, bosnia, brazil, bulgaria, cameroon, canada, chile, china, colombia,
    croatia, cuba, cyprus, denmark, ecuador, egypt, england, estonia, ethiopia, finland, france,
    georgia, germany, ghana, greece, hungary, iceland, india, indonesia, iran, iraq, ireland, \
    israel,
    italy, ivory coast, jamaica, japan, jordan, kazakhstan, kenya, kuwait, latvia, lebanon, liberia,
    lithuania, malaysia, malta, mexico, moldova, morocco, nepal, nigeria, norway, pakistan, panama,
    paraguay, peru, philippines, poland, portugal, qatar, romania, russia, scotland, senegal, \
    serbia,
    singapore, slovakia, slovenia, spain, sudan, sweden, switzerland, syria, taiwan, tanzania,
    thailand, tunisia, turkey, uganda, ukraine, uruguay, venezuela, vietnam, wales, zambia
""")


DEMONYMS = word_pairs("""
    albania=albanian, algeria=algerian, argentina=argentine, armenia=armenian, australia=australian,
    austria=austrian, belgium=belgian, bolivia=bolivian, brazil=brazilian, bulgaria=bulgarian,
    canada=canadian, chile=chilean, china=chinese, colombia=colombian, croatia=croatian,
    cyprus=cypriot, denmark=danish, egypt=egyptian, england=english, estonia=estonian,
    finland=finnish, france=french, germany=german, greece=greek, hungary=hungarian,
    iceland=icelandic, india=indian, ireland=irish, israel=israeli, italy=italian, japan=japanese,
    kenya=kenyan, latvia=latvian, lithuania=lithuanian, malaysia=malaysian, mexico=mexican,
    netherlands=dutch, norway=norwegian, poland=polish, portugal=portuguese, romania=romanian,
    russia=russian, scotland=scottish, serbia=serbian, spain=spanish, sweden=swedish,
    switzerland=swiss, thailand=thai, turkey=turkish, ukraine=ukrainian, wales=welsh
""")


SPORTS = phrases(
    "football, basketball, ice hockey, handball, volleyball, rugby, rugby league, cricket, baseball, "
    "futsal, water polo, american football, tennis, golf, cycling, badminton, netball, field hockey"
)


MASCOTS = split_words("""
    tigers lions bears eagles hawks wolves panthers sharks bulls rams colts broncos falcons ravens
    cardinals giants jets rangers kings knights pirates vikings titans raiders chargers saints
    cowboys warriors rockets spurs hornets pelicans wildcats cougars bulldogs huskies hurricanes
    thunder storm blaze drillers steelers packers dolphins redskins chiefs rhinos stallions
""")


DRUG_STARTS = split_words("""
    ab ace acy ala albu ami amo ana ari ate azi bac ben beta bis bro bupro cap carba cef celo cet \
    chlor
    cime cipro cita clo code cyclo dapa dexa dia diclo digo dilo doxy dulo ena epi ery esci eto \
    fam felo
    fena flu fluco fosi furo gaba gem gli halo hydro ibu imi inda iso itra keto lamo lan leva lido \
    lisi
    lora losa lova mebe mefe melo meta metho mino mirta mox napro neo nife nitro nor ola ome oxa pan
    paro pena pheno pio pira pra predni pro quetia rami rani repa rifa rispe rosu sal serta sim sita
    spiro sulfa suma tamo tema tera thia tica tobra tolte topi tra tri val vanco vera warfa zido \
    zolpi
""")


DRUG_ENDS = split_words("""
    pril sartan olol statin azole cillin mycin oxacin idine ine amine one ide azepam zolam barbital
    caine prazole tidine triptan setron formin gliptin glitazone thiazide semide terol sone solone
    micin cycline vir navir mab tinib platin rubicin taxel parin grel dipine zosin afil oxetine
    ipramine triptyline azine peridol apine idone dronate profen ac oxicam
""")


DRUG_SALTS = split_words(
    "hydrochloride sodium acetate sulfate maleate citrate tartrate phosphate calcium mesylate"
)


GENERA = split_words("""
    rana hyla bufo bolitoglossa eleutherodactylus litoria plethodon ambystoma dendrobates mantella
    philautus rhacophorus leptodactylus pristimantis anolis sceloporus varanus lacerta podarcis \
    gekko
    cyrtodactylus hemidactylus agama liolaemus typhlops naja bothrops crotalus vipera chelonia \
    testudo
    quercus salix carex solanum ficus acacia aster rosa viola orchis turdus parus corvus falco
""")


EPITHETS = split_words("""
    alba nigra viridis maculata fasciata lineata gracilis minor major robusta montana sylvatica \
    aquatica
    occidentalis orientalis australis borealis mexicana africana japonica sinensis indica americana
    europaea punctata marmorata elegans ornata variabilis vulgaris communis parva gigas rubra aurea
    cinerea pallida smithi wilsoni darwini humboldti boulengeri andersoni fuscus albus elenae
""")


ANIMALS = phrases("""
    frog, tree frog, toad, salamander, newt, gecko, lizard, skink, anole, snake, viper, tortoise,
    turtle, rock agama, leaf-toed gecko, chameleon, iguana, caecilian, poison frog, glass frog,
    worm snake, whiptail, monitor, robber frog, mole toadlet
""")


TITLE_KINDS_HOSPITAL = phrases("""
    hospital, general hospital, medical center, children's hospital, memorial hospital, clinic,
    university hospital, infirmary, health system, regional medical center, community hospital
""")


TITLE_KINDS_MUSEUM = phrases("""
    museum, art museum, museum of art, history museum, natural history museum, railway museum,
    museum of fine arts, gallery, maritime museum, science museum, folk museum, open-air museum
""")


TITLE_KINDS_MALL = phrases("""
    mall, shopping centre, plaza, galleria, town center, outlets, square, marketplace, city centre
""")


TITLE_KINDS_VENUE = phrases(
    "theatre, arena, stadium, auditorium, hall, opera house, cinema, pavilion"
)


TITLE_KINDS_AGENCY = groups("""
ministry of {x}
department of {x}
{d} department of {x}
{d} {x} agency
office of {x}
{x} commission
national {x} authority
{d} {x} board
bureau of {x}
{d} institute of {x}
""")


AGENCY_SUBJECTS = phrases("""
    finance, health, transportation, education, agriculture, defence, foreign affairs, the interior,
    justice, labour, energy, statistics, environment, tourism, fisheries, water resources, land, \
    space,
    civil aviation, public works, food safety, nuclear safety, immigration, social security
""")


MAGAZINE_WORDS = phrases("""
    computer, music, science, fashion, photo, health, garden, motor, film, travel, history, sport, \
    food,
    business, nature, tech, art, wine, yacht, guitar, golf, mac, micro, otaku, rolling, empire, \
    vogue
""")


MAGAZINE_TEMPLATES = groups("""
{x} magazine
{x} weekly
{x} today
{x} world
the {x} review
{x} monthly
popular {x}
{d} {x}
{x} digest
the {q} {x}
{x} & {y}
""")


NOBLE_TITLES = split_words(
    "count duke baron earl marquess lord prince landgrave margrave viscount elector"
)


MONARCH_NAMES = split_words("""
    henry louis charles frederick philip william george john edward richard otto conrad leopold
    albert ernest joan mary anne elizabeth margaret catherine isabella eleanor sophia matilda
    alfonso ferdinand sancho peter ivan boleslaw casimir sigismund vladislaus stephen bela rudolf
""")


GALAXY_CATALOGUES = split_words("ngc ic ugc messier pgc eso arp mcg iok abell hcg")


COMPANY_WORDS = split_words("""
    alpha apex arrow atlas aurora beacon blue bright capital cedar central century citadel clear \
    coastal
    compass core crest crown crystal delta diamond dynamic eagle east echo edge elite emerald falcon
    first fusion galaxy global golden granite green harbor harmony heritage high horizon icon ideal
    infinity iron jade key lake legacy liberty lion lunar maple marine matrix meridian metro midwest
    mountain nexus noble north nova oak ocean olympic omega onyx orbit pacific palm paragon peak
    phoenix pine pioneer pinnacle platinum polar premier prime quantum quest red regal ridge river
    rock royal sage sapphire sierra silver solar south spectrum spring star sterling stone summit
    sun swift titan trident trinity true union united unity urban valley vanguard vector vertex \
    vista
    west white wild
""")


COMPANY_TRADES = phrases("""
    consulting, construction, engineering, software, logistics, foods, pharmaceuticals, energy, \
    partners,
    capital, insurance, real estate, plumbing, electrical, landscaping, dental, law group, \
    accounting,
    marketing, media, design, motors, auto repair, textiles, chemicals, packaging, printing, \
    security,
    telecom, airlines, travel, hotels, medical supplies, biotech, robotics, networks, data systems,
    industries, technologies, solutions, services, trading, import export, steel, plastics, \
    furniture,
    bakery, brewery, financial services, investments, properties, transport, shipping, farms
""")


COMPANY_DIVISIONS = phrases("""
    europe, asia, north america, deutschland, france, uk, japan, china, holdings, international,
    financial, logistics, foundation, research, retail, leasing, real estate, ventures, labs,
    healthcare, east, west, north, south, ii, iii, properties, digital, energy, aerospace
""")


CHAINS = phrases("""
    starbucks, mcdonald's, subway, burger king, kfc, pizza hut, domino's, walmart, target, costco, \
    aldi,
    lidl, tesco, carrefour, rewe, edeka, shell, bp, esso, 7-eleven, walgreens, cvs pharmacy, h&m,
    zara, ikea, hilton, marriott, holiday inn, best western, ups store, fedex office, wells fargo,
    bank of america, chase bank, hsbc, barclays, santander, deutsche bank, starlight cafe
""")


PLACE_TYPES = phrases(
    "city, village, town, municipality, populated place, suburb, hamlet, river, mountain, lake, "
    "island, district, county, park, railway station, airport, bridge, castle"
)
