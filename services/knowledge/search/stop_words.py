"""
Words that say nothing by themselves: articles, pronouns, prepositions, auxiliaries, and what a question begins with.

They are left out of a query that has any other word; so nobody is shown all learnings with *how* or *wie*. Each
language has its own, but a query may be in any: a word that is one of them in one language and a thing in another
(`die`, `was`, `war`) counts where it is all that was typed.
"""

from services.knowledge.search.analysis import get_terms

_TEXTS = {
    "de": """
    aber alle allem allen aller alles als also am an ander andere anderen anderer anderes auch auf aus bei beim bin
    bis bist da damit dann das dass dazu dein deine dem den denn der des dessen deshalb die dies diese diesem diesen
    dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas euch euer eure für gegen gibt hab
    habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede
    jedem jeden jeder jedes jene kann kannst können könnte könnten man manche mein meine mich mir mit muss müssen
    nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner sich sie sind so soll sollen
    sollte sollten sondern sonst über um und uns unser unsere unserem unseren unter viel vom von vor wann war waren
    warum was weil welche welchem welchen welcher welches wenn wer werde werden wie wieder will wir wird wo wohin
    wollen worden wurde wurden zu zum zur zwischen anderswo kriegen kriegt wenns gibts bereits schon mal etwa bisher
    bzw sowie wodurch womit wofür worauf wieso weshalb wieviel gab dabei dafür davon daran darauf darüber""",
    "en": """
    a about above after again against all also am an and any are as at be because been before being below between
    both but by can could did do does doing done down during each few for from further get got had has have
    having he her here hers him his how i if in into is it its itself just me more most my no nor not of off on
    once only or other others our ours out over own same shall she should so some such than that the their
    theirs them then there these they this those through to too under until up us very was we were what when
    where which while who whom whose why will with would you your yours elsewhere anybody anyone someone""",
    "cy": """
    a ac ag am ar as at bod bu bydd byddai cael chi chwi dan dim dros dy ef ei eich ein eu fe fel fi fod fy ga gan
    gyda gydag hi hon hyn hynny hwn hwnnw i iddo iddyn iddynt ill ma mae maen maent mai mewn mi mo na nac nad ni
    nid nhw o oedd oes on ond pa pam pan pe pob pryd pwy rhag roedd rydym rydych rwy rwyf sut sydd sy trwy tra
    tu ti un unrhyw wedi wrth y ydy ydyw yw yma yn yng ym yna yno yr beth ble faint eraill arall hefyd neu os""",
    "pl": """
    a aby ale albo ani by być bardzo bez był była było były będzie będą co czego czemu czy czyli dla dlaczego do gdy
    gdzie go i ich ile im inne innych inni innej inny ja jak jaki jaka jakie jakich jakim jako je jego jej jest
    jestem jeszcze jeśli już każdy kiedy kim kto która które którego której który których którym lub ma mają mam
    może mogą można my na nad nam nas nasz nasza nie niej nim niż o od ona one oni ono oraz po pod podczas
    ponieważ poza przed przez przy są się skąd sobie swoje swój ta tak także tam te tego tej ten też to tu tutaj
    tych tym tylko u w we więc wam was wszystkie wszystko z za ze że żeby""",
    "uk": """
    а або але без би бо був була були було бути буде будуть в вам вас ваш вже ви від він вона вони воно все всі всіх
    де для до його її їх йому з за звідки зі і із іншi інші інших інший й як яка яке який яким яких які якщо є ж
    же коли кого куди ледь ми мене може можна можуть на навіщо над нам нас наш не ні ніж о об один по під після
    при про саме свої свій себе скільки так також там та те ти тим тих то тоді того тобто тому тут у усі хто це
    цей ці цих цього чи чим чого чому що щоб щодо я""",
    "he": """
    אבל או אולי אותה אותו אותם אחר אחרי אחרים אחרות אחרת אין איך איפה אל אלא אלה אלו אם אנו אנחנו אני אף את אתה אתם
    בין בגלל בו בה בהם בכל גם דרך הוא הזה הזו האם היא היה היו היתה הייתה הם הן זאת זה זו יש כדי כי כך כל כמה כמו
    כן כאן לא לה להם לו לי לכל לנו למה לפני מאיפה מאד מאוד מה מהם מי מתי ממה נגד עד על עם עוד עליו עליה פה רק של
    שלה שלהם שלו שלי שלנו שם תחת אצל איזה אילו כיצד מדוע לגבי""",
    "ar": """
    أن إن إلى أو أي أين أما أنا أنت أنه إذا إلا الا التي الذي الذين اللذين الى ان او بعد بعض بل بين تلك ثم حتى حول
    حين خلال دون ذلك عن عند على غير فقط في فيه فيها قبل قد قال كان كانت كل كم كما كيف لا لأن لدى لدينا لقد لكن
    لم لماذا لن له لها لهم ليس ما ماذا متى مثل مع من منذ منه منها نحن نحو هذا هذه هل هم هما هناك هنا هو هي و وقد
    وكان وفي يكون يمكن أخرى اخرى الأخرى آخر ومن وما""",
    "tr": """
    acaba ama ancak artık aslında az bana bazı belki ben beni bir biri birkaç biz bize bizim bu buna bunda bundan
    bunlar bunu bunun burada çok çünkü da daha de defa diğer diye en fakat gibi göre hangi hatta hem henüz her
    hiç için ile ise işte kadar kez ki kim kime kimse mı mi mu mü nasıl ne neden nerede nereye niçin niye o olan
    olarak oldu olduğu olur on ona ondan onlar onu onun oysa öyle sadece sanki sen siz size sizin sonra şey şu
    tüm var ve veya ya yani yine yok başka diğerleri nelerdir nedir""",
    "lt": """
    ar arba apie aš be bei bet bus buvo būti dar dėl čia gali galima iki ir iš į ja jai jam jame jau jei jeigu ji
    jie jis jo jos jų juo kad kada kai kaip kas ką kiek kiekvienas kiti kitas kita kitos kitų kituose ko kodėl
    kokia kokie kokios kokių koks kuo kur kuri kurie kurios kuris kurių mes mūsų nei nes nėra ne net nors nuo o
    pagal pas per po prie prieš pro sau savo su šis šie šią šį šio ta tai taip tačiau tas te ten tie tik to
    todėl tokia toks tu tuo už visi viskas visų yra""",
    # As pairs of characters.
    "zh": """
    怎么 怎样 如何 什么 为什 么样 哪些 哪里 哪个 是否 我们 他们 你们 它们
    这个 那个 这些 那些 可以 以及 或者 但是 因为 所以 如果 其他 其它 的的
    是什 有什 有哪""",
}

STOP_WORDS_OF = {language: frozenset(map(get_terms, text.split())) for language, text in _TEXTS.items()}
"""Primary language subtag → the terms of its own."""
STOP_WORDS = frozenset().union(*STOP_WORDS_OF.values())
"""The terms of all of them."""
