/* The stop words of languages: words that nearly every text has, and that say little of what it is
 * about: articles, pronouns, prepositions, conjunctions, auxiliary verbs, their usual forms. */
#include <string.h>

#include "text/text_language.h"

/* clang-format off */
/* Each list ascends by bytes, folded as words are before their accents go. */
static const struct {
    const char *language, *words;
} STOP_WORDS[] = {
    {"danish",
     "ad af aldrig alle allerede alt altid anden andet andre at bare begge blev blevet "
     "blive bliver både da de dem den denne der deres derfor det dette dig din dine disse "
     "dit dog du efter ej eller en end endnu er et fik for forbi fordi fra få får før "
     "gennem ham han hans har havde have hen hende hendes her hos hun hvad hvem hver "
     "hvilke hvilken hvilket hvis hvor hvordan hvorfor hvornår i igen ikke imellem ind "
     "ingen intet ja jeg jer jeres jo kan kom kun kunne lidt man mange med meget mellem "
     "men mens mere mest mig min mindre mine mit mod må måske måtte ned nej nogen noget "
     "nogle nok nu når ofte og også om omkring op os over på samme sammen samt selv ses "
     "sig sin sine sit skal skulle som stadig så sådan temmelig thi til tilbage ud uden "
     "under var ved vi vil ville vor vore vores være været"},
    {"dutch",
     "aan achter al alle alleen alles als altijd ander andere anders ben bent beter bij "
     "binnen boven buiten daar daarna daarom dan dat de deze die dit doch doen door dus "
     "dwars echter een eens elk elke en enige er erg ergens etc even ge geen geweest haar "
     "had hadden hare heb hebben hebt heeft hem hen het hier hij hoe hoewel hun iemand "
     "iets ik in indien is ja je jij jou jouw juist jullie kan kon konden kunnen kunt "
     "langs maar mag me meer men met mij mijn mocht moest moet moeten mogen na naar naast "
     "nadat niet niets niks noch nog nogal nu of om omdat onder ons onze ook op over pas "
     "reeds rond sinds slechts sommige te tegen tenzij terwijl tijdens toch toen tot "
     "tussen u uit uw vaak van vanaf veel voor vooral waar waarom wanneer want waren was "
     "wat we weer wel werd werden wie wij wil worden wordt zal ze zeer zelf zich zij zijn "
     "zo zoals zonder zou zouden zullen"},
    {"english",
     "a about above after again against all am an and any are aren't as at be because "
     "been before being below between both but by can can't cannot could couldn't did "
     "didn't do does doesn't doing don't down during each few for from further had hadn't "
     "has hasn't have haven't having he he'd he'll he's her here here's hers herself him "
     "himself his how how's i i'd i'll i'm i've if in into is isn't it it'd it'll it's "
     "its itself just let's me more most mustn't my myself no nor not of off on once only "
     "or other ought our ours ourselves out over own same shan't she she'd she'll she's "
     "should shouldn't so some such than that that's the their theirs them themselves "
     "then there there's these they they'd they'll they're they've this those through to "
     "too under until up upon very was wasn't we we'd we'll we're we've were weren't what "
     "what's when when's where where's which while who who's whom whose why why's will "
     "with won't would wouldn't you you'd you'll you're you've your yours yourself "
     "yourselves"},
    {"finnish",
     "aina ainakin alla ei eikä eivät ellei emme en enemmän ennen ensin eri esim et ette "
     "että he heidän heidät heihin heille heiltä heissä heistä heitä hän häneen hänelle "
     "häneltä hänen hänessä hänestä hänet häntä ilman itse ja jo johon joiden joihin "
     "joille joissa joista joita joka jokin joko jolla jolle jolta jonka jos joskus jossa "
     "josta jota jotka jotta kai kaikki kanssa kautta keiden keitä ken keneen kenelle "
     "kenen kenet ketkä ketä koska koskaan kuin kuinka kuka kun kuten kyllä lisäksi luona "
     "me meidän meidät meihin meille meiltä meissä meistä meitä mihin miksi mikä mille "
     "millä minkä minua minulla minulle minulta minun minussa minusta minut minuun minä "
     "missä mistä miten mitkä mitä mukaan mutta muu muut myös ne niiden niihin niille "
     "niin niissä niistä niitä noiden noihin noille noin noissa noista noita nuo nyt "
     "näiden näihin näille näin näissä näistä näitä nämä ole olemme olen olet olette oli "
     "olimme olin olisi olisivat olit olitte olivat olla olleet ollut on ovat paitsi "
     "poikki se sekä sen siellä siihen siinä siis siitä sille sillä siltä sinne sinua "
     "sinulla sinulle sinun sinut sinuun sinä sitten sitä taas tai te teidän teidät "
     "teihin teille teissä teistä teitä tuo tuohon tuolla tuolle tuon tuossa tuosta tuota "
     "tähän tälle tällä tämä tämän tänne tässä tästä tätä vaan vai vaikka vain vasta "
     "vielä voi yhä yli ympäri"},
    {"french",
     "afin ai aie aient ainsi ait alors après as au aucun aucune aura auraient aurait "
     "auront aussi autre autres aux avaient avais avait avant avec avez aviez avions "
     "avoir avons ayant ayez ayons beaucoup bien c car ce ceci cela celle celles celui "
     "ces cet cette ceux chaque chez ci comme comment d dans de depuis des deux donc dont "
     "du dès elle elles en encore entre es est et eu eue eues eurent eus eut eux eût fait "
     "furent fut fûmes fût il ils j je jusque l la le les leur leurs lors lorsque lui là "
     "m ma mais me mes mien mienne moi moins mon même mêmes n ne ni non nos notre nous "
     "nôtre on ont ou où par parce pas pendant peu peut plus pour pourquoi puis puisque "
     "qu quand que quel quelle quelles quelque quelques quels qui quoi s sa sans se selon "
     "sera seraient serait seront ses si sien sienne sinon soi soient sois soit sommes "
     "son sont sous suis sur t ta tandis tel telle telles tels tes toi ton tous tout "
     "toute toutes très tu un une vers voici voilà vos votre vous vu vôtre y à étaient "
     "étais était étant été étés être"},
    {"german",
     "aber alle allem allen aller alles als also am an ander andere anderem anderen "
     "anderer anderes auch auf aus bei beim bin bis bist da dabei dadurch dafür dagegen "
     "daher damit dann daran darauf daraus darin darum darüber das dass davon dazu dein "
     "deine deinem deinen deiner deines dem den denen denn der deren des dessen dich die "
     "dies diese dieselbe dieselben diesem diesen dieser dieses dir doch dort du durch "
     "ein eine einem einen einer eines einig einige einigem einigen einiger einiges er es "
     "etwas euch euer eure eurem euren eurer eures für gegen gewesen habe haben hat hatte "
     "hatten hattest hattet hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer "
     "ihres im in indem ins ist ja jede jedem jeden jeder jedes jene jenem jenen jener "
     "jenes jetzt kann kannst kein keine keinem keinen keiner keines können könnt könnte "
     "man manche manchem manchen mancher manches mein meine meinem meinen meiner meines "
     "mich mir mit muss musste müssen nach nicht nichts noch nun nur ob oder ohne sehr "
     "sein seine seinem seinen seiner seines seit selbst sich sie sind so solche solchem "
     "solchen solcher solches soll sollen sollte sondern sonst sowie um und uns unser "
     "unsere unserem unseren unserer unseres unter viel vom von vor war waren warst was "
     "weg weil weiter welche welchem welchen welcher welches wenn wer werde werden wie "
     "wieder will wir wird wirst wo wollen wollte wurde wurden während würde würden zu "
     "zum zur zwar zwischen über"},
    {"italian",
     "a abbia abbiamo abbiano ad agli ai al alcun alcuna alcuni alla alle allo allora "
     "altra altre altri altro anche ancora avendo aver avere avete aveva avevano avevo "
     "avrà avuto c che chi ci ciascuno cioè ciò coi col come con contro così cui d da "
     "dagli dai dal dalla dalle dallo degli dei del della delle dello dentro di dietro "
     "dopo dov'è dove due dunque e ebbe ecco ed egli ella era erano eravamo ero essa esse "
     "essendo essere essi esso fa fino fra fu furono gli ha hai hanno ho i il in infatti "
     "io l la le lei li lo loro lui là ma me mentre mi mia mie miei mio molto ne negli "
     "nei nel nella nelle nello no noi non nostra nostre nostri nostro né o od ogni oltre "
     "oppure per perché però più poco poi prima proprio pure qua qual quale quali quando "
     "quanta quante quanti quanto quasi quel quella quelle quelli quello questa queste "
     "questi questo qui quindi saranno sarà se sei senza si sia siamo siano siete sono "
     "sopra sotto sta stata state stati stato stesso su sua sue sugli sui sul sulla sulle "
     "sullo suo suoi sé sì tale tali tanto te ti tra tu tua tue tuo tuoi tutta tutte "
     "tutti tutto un una uno vi voi vostra vostre vostri vostro è"},
    {"norwegian",
     "alle allerede andre annen annet at av bare begge ble blei bli blir blitt både båe "
     "da de deg dei deim deira deires dem den denne der dere deres det dette di din disse "
     "ditt dog du dykk dykkar då eg ein eit eitt eller elles en enn er et ett etter for "
     "fordi fra få før ha hadde han hans har hennar henne hennes her hjå ho hoe honom "
     "hoss hun hva hvem hver hverken hvilke hvilken hvis hvor hvordan hvorfor i ikke "
     "ikkje ingen ingi inkje inn inni ja jeg kan kom korleis korso kun kunne kva kvar "
     "kvarhelst kven kvi kvifor man mange me med medan meg meget mellom men mens mer mest "
     "mi min mine mitt mot mye må måtte ned nei no noe noen noka noko nokon nokor nokre "
     "nå når og også om opp oss over på samme sammen seg selv si sia sidan siden sin sine "
     "sitt sjøl skal skulle slik so som somme somt så sånn til um under upp ut uten var "
     "vart varte ved vere verte vi vil ville vore vors vort vår våre være vært"},
    {"portuguese",
     "a ainda algo algum alguma algumas alguns alguém ali além ambos ante antes ao aos "
     "apenas apesar após aquela aquelas aquele aqueles aqui aquilo as assim até bem cada "
     "com como contra contudo cuja cujas cujo cujos da daquela daquele das de dela delas "
     "dele deles depois desde dessa desse desta deste do dos durante e ela elas ele eles "
     "em embora enquanto entre então era eram essa essas esse esses esta estamos estar "
     "estas estava estavam este estes estou está estão eu foi fomos foram fosse fossem "
     "haja há isso isto já la lhe lhes lo logo lá mais mas me mediante menos mesma mesmas "
     "mesmo mesmos meu meus mim minha minhas muita muitas muito muitos na nada nas nem "
     "nenhum nenhuma nessa nesse nesta neste ninguém no nos nossa nossas nosso nossos num "
     "numa não nós o onde os ou outra outras outro outros para pela pelas pelo pelos per "
     "perante pode podem pois por porque porém pouco quais qual qualquer quando quanto "
     "quantos quase que quem quê se seja sejam sem sempre sendo ser seria será serão seu "
     "seus si sido sob sobre sua suas são só sós também tanto te tem tendo tenha tenho "
     "ter teu teus teve ti tinha tinham toda todas todavia todo todos tu tua tuas tudo "
     "têm um uma umas uns você vocês vos vosso vossos à às é"},
    {"russian",
     "а без более больше будем будет будете будешь будто буду будут бы был была были было "
     "быть в вам вами вас ваш ваша ваше ваши вдруг ведь весь во вот впрочем все всегда "
     "всего всей всем всех всю вся всё вы где да даже для до его ее ей ему если есть еще "
     "ещё её же за зачем здесь и из или им ими иногда их к каждый как какая какие какой "
     "когда конечно которая которого которой котором которому которую которые который "
     "которых кто куда ли либо лишь между меня мне много мной мое может можно мои мой моя "
     "моё мы на над надо нам нами нас наш наша наше наши не него нее ней некоторые нельзя "
     "нем нет неё ни нибудь никогда ним ними них ничего но ну нём о об один однако он она "
     "они оно опять от ото перед по под после потому почему почти при про раз разве с сам "
     "сама сами само себе себя сейчас со совсем та так такая также такие такого такой там "
     "твои твой твоя те тебе тебя тем теперь тех то тобой тогда того тоже той только том "
     "тот ту туда тут ты у уж уже хоть хотя чего чей чем через что чтоб чтобы чуть эта "
     "эти этих это этого этой этом этому этот эту я"},
    {"spanish",
     "a acá ahí al algo alguien alguna algunas alguno algunos algún allá allí ambos ante "
     "antes aquel aquella aquellas aquello aquellos aquí así aun aunque aún bajo bien "
     "cada casi como con contra cual cuales cualquier cuando cuanto cuya cuyas cuyo cuyos "
     "cuál cuándo cómo de del desde donde dos durante dónde e el ella ellas ello ellos en "
     "entre era eran eras eres es esa esas ese eso esos esta estaba estaban estamos estar "
     "estas este esto estos estoy está están fue fueron fui ha haber había habían han has "
     "hasta hay haya he hemos la las le les lo los me mi mientras mis mucho muchos muy "
     "más mí mía mías mío míos nada ni ninguna ninguno ningún no nos nosotras nosotros "
     "nuestra nuestras nuestro nuestros o os otra otras otro otros para pero poco por "
     "porque pues que quien quienes quién qué se sea sean según ser será si sido siempre "
     "siendo sin sino sobre sois somos son soy su sus suya suyas suyo suyos sí tal "
     "también tampoco tan tanto te tenemos tener tengo tenía ti tiene tienen toda todas "
     "todavía todo todos tu tus tuya tuyas tuyo tuyos tú un una unas uno unos usted "
     "ustedes vosotras vosotros vuestra vuestras vuestro vuestros y ya yo él"},
    {"swedish",
     "alla allt andra annan annat att av bara blev bli blir blivit borde bort både dem "
     "den denna deras dess dessa det detta dig din dina ditt dock dom du där därför då "
     "efter eftersom ej eller en er era ert ett fast fick från få får för före genom går "
     "ha hade han hans har hela henne hennes hon honom hos hur här i ibland icke in inga "
     "ingen inget innan inne inom inte ja jag kan kom kunde kunna man med medan mellan "
     "men mer mest mig min mina mitt mot mycket måste nej ni nog nu när någon något några "
     "och också om oss på redan samma samt sedan sig sin sina sitt ska skall skulle snart "
     "som så sådan sådana sådant till tills tog trots under upp ur ut utan vad var vara "
     "varför varit varje vars vart vem vi vid vilka vilkas vilken vilket vill ville vår "
     "våra vårt än är även åt över"},
};
/* clang-format on */

const char *text_stop_words_language(size_t i)
{
    return i < sizeof STOP_WORDS / sizeof *STOP_WORDS ? STOP_WORDS[i].language : NULL;
}

const char *text_stop_words_of(const char *language)
{
    for (size_t i = 0; text_stop_words_language(i); i++)
        if (strcmp(language, text_stop_words_language(i)) == 0) return STOP_WORDS[i].words;
    return NULL;
}
